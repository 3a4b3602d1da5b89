from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.api.conversion import convert
from opt_tool.api.runners import numpy_runner
from opt_tool.api.session import Session
from opt_tool.errors import UsageError
from opt_tool.runtime.binding import Settings
from small_models import classifier

IMAGE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


def test_all_backends_compute_the_same(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    convert(model, tmp_path / "model.nb", verify=False)
    results = [
        Session(path, backend=backend).run({"image": IMAGE})["probabilities"]
        for path, backend in (
            (model, "onnxruntime"),
            (model, "numpy"),
            (tmp_path / "model.nb", "numpy"),
        )
    ]
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "onnxruntime"])
def test_tells_its_inputs(tmp_path: Path, backend: str) -> None:
    session = Session(classifier(tmp_path / "model.onnx"), backend=backend)
    assert {name: type.shape for name, type in session.inputs.items()} == {"image": (1, 3, 16, 16)}


def test_takes_arrays_of_more_precision(tmp_path: Path) -> None:
    session = Session(classifier(tmp_path / "model.onnx"))
    double = session.run({"image": IMAGE.astype(np.float64)})
    np.testing.assert_array_equal(
        double["probabilities"], session.run({"image": IMAGE})["probabilities"]
    )


def test_refuses_inputs_that_do_not_fit(tmp_path: Path) -> None:
    session = Session(classifier(tmp_path / "model.onnx"))
    with pytest.raises(UsageError, match=r"no input is called 'x'; there are \['image'\]"):
        session.run({"x": IMAGE})
    with pytest.raises(UsageError, match="'image' is missing"):
        session.run({})
    with pytest.raises(UsageError, match=r"must be float32\[1, 3, 16, 16\], found uint8"):
        session.run({"image": IMAGE.astype(np.uint8)})


def test_refuses_backends_that_do_not_exist_or_fit(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="no backend is called 'torch'"):
        Session(model, backend="torch")
    convert(model, tmp_path / "model.nb", verify=False)
    with pytest.raises(UsageError, match="onnxruntime runs ONNX models only"):
        Session(tmp_path / "model.nb", backend="onnxruntime")


@pytest.mark.parametrize(
    "algorithm", ["direct", "im2col", "winograd23", "winograd43", "winograd63"]
)
def test_every_algorithm_gives_the_same(tmp_path: Path, algorithm: str) -> None:
    model = classifier(tmp_path / "model.onnx")
    expected = Session(model, backend="onnxruntime").run({"image": IMAGE})["probabilities"]
    session = Session(model, conv_algorithm=algorithm)
    np.testing.assert_allclose(session.run({"image": IMAGE})["probabilities"], expected, rtol=1e-4)


def test_refuses_algorithms_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no algorithm is called 'fft'"):
        Session(classifier(tmp_path / "model.onnx"), conv_algorithm="fft")


def test_runs_the_optimised_graph(tmp_path: Path) -> None:
    runner = numpy_runner((classifier(tmp_path / "model.onnx"),), Settings(), {})
    assert "relu" not in {node.op.type for node in runner.graph.nodes}
