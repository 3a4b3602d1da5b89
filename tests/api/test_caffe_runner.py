from __future__ import annotations

from pathlib import Path

import numpy as np

from opt_tool.api.caffe_runner import OpenCvRunner, caffe_runner, has_opencv
from opt_tool.formats import caffe
from opt_tool.runtime.executor import Executor
from small_caffe_models import PROTOTXT, small_model


def test_opencv_is_the_reference_where_it_is_installed(tmp_path: Path) -> None:
    assert has_opencv(), "the development environment has it"
    runner = caffe_runner(*small_model(tmp_path))
    assert isinstance(runner, OpenCvRunner)
    assert runner.name == "opencv"


def test_opencv_computes_what_the_graph_computes(tmp_path: Path) -> None:
    files = small_model(tmp_path)
    x = np.random.default_rng(1).standard_normal((1, 3, 9, 8)).astype(np.float32)
    theirs = caffe_runner(*files).run({"data": x})
    ours = Executor(caffe.read(*files)).run({"data": x})
    assert list(theirs) == list(ours) == ["pool"]
    assert np.abs(ours["pool"]).max() > 0.1
    np.testing.assert_allclose(theirs["pool"], ours["pool"], rtol=1e-5, atol=1e-5)


def test_layers_that_opencv_computes_otherwise_are_run_from_the_graph(tmp_path: Path) -> None:
    prototxt, caffemodel = small_model(tmp_path)
    prototxt.write_text(PROTOTXT.replace('"ReLU"', '"Swish"'), encoding="utf-8")
    assert not isinstance(caffe_runner(prototxt, caffemodel), OpenCvRunner)
