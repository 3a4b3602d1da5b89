from __future__ import annotations

from pathlib import Path

import numpy as np

from opt_tool.api.caffe_runner import OpenCvRunner, caffe_runner, has_opencv
from opt_tool.formats import caffe
from opt_tool.formats.caffe.caffe_pb2 import NetParameter
from opt_tool.runtime import Executor

PROTOTXT = """
name: "small"
input: "data"
input_shape { dim: 1 dim: 3 dim: 9 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
"""


def small_model(folder: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    weights = NetParameter(name="small")
    layer = weights.layer.add(name="conv", type="Convolution")
    for shape in ((4, 3, 3, 3), (4,)):
        blob = layer.blobs.add()
        blob.shape.dim.extend(shape)
        blob.data.append(rng.standard_normal(shape).astype(np.float32).tobytes())
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "weights.caffemodel"
    prototxt.write_text(PROTOTXT, encoding="utf-8")
    caffemodel.write_bytes(weights.SerializeToString())
    return prototxt, caffemodel


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
