from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from opt_tool.api import litert_runner
from opt_tool.api.litert_runner import LiteRtRunner, tflite_runner
from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.schema import Quantization
from opt_tool.formats.tflite.tensors import to_array
from tflite_models import Made, Op, Stored, need_litert

RNG = np.random.default_rng(0)


def quantized() -> Made:
    """y = relu(x) @ w.T with weights of 8 bits."""
    weights = RNG.integers(-127, 128, (3, 4)).astype(np.int8)
    rule = Quantization((0.01, 0.02, 0.05), (0, 0, 0), 0)
    return Made(
        [Op("RELU", ["x"], ["r"]), Op("FULLY_CONNECTED", ["r", "w", None], ["y"])],
        {"x": RNG.standard_normal((2, 4)).astype(np.float32)},
        {"w": Stored.of(weights, quantization=rule)},
    )


def written(made: Made, folder: Path) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(made.data())
    return path


def restored(made: Made) -> np.ndarray:
    model = decode(memoryview(made.data()), Path("test.tflite"))
    return to_array(next(tensor for tensor in model.tensors if tensor.name == "w"))


def test_quantized_weights_count_as_the_numbers_that_they_stand_for(tmp_path: Path) -> None:
    need_litert()
    made = quantized()
    x = made.inputs["x"]
    (y,) = LiteRtRunner(written(made, tmp_path)).run(made.inputs).values()
    expected = np.maximum(x, 0) @ restored(made).T
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_tensors_inside_of_the_model_can_be_kept(tmp_path: Path) -> None:
    need_litert()
    made = quantized()
    results = LiteRtRunner(written(made, tmp_path), keep=["r"]).run(made.inputs)
    assert list(results) == ["y", "r"]
    np.testing.assert_array_equal(results["r"], np.maximum(made.inputs["x"], 0))


def test_inputs_take_other_shapes(tmp_path: Path) -> None:
    need_litert()
    runner = LiteRtRunner(written(quantized(), tmp_path), input_shapes={"x": [5, 4]})
    assert runner.inputs["x"].shape == (5, 4)
    assert runner.run({"x": np.ones((5, 4), np.float32)})["y"].shape == (5, 3)


def test_wrong_inputs_are_an_error_of_usage(tmp_path: Path) -> None:
    need_litert()
    runner = LiteRtRunner(written(quantized(), tmp_path))
    with pytest.raises(UsageError, match="the inputs are"):
        runner.run({"z": np.ones((2, 4), np.float32)})
    with pytest.raises(UsageError, match="LiteRT cannot run"):
        runner.run({"x": np.ones((3, 4), np.float32)})


def test_without_litert_the_model_runs_as_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in litert_runner.MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    made = quantized()
    path = written(made, tmp_path)
    runner = tflite_runner(path, keep=["r"])
    assert "numpy" in runner.name
    results = runner.run(made.inputs)
    expected = np.maximum(made.inputs["x"], 0) @ restored(made).T
    np.testing.assert_allclose(results["y"], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(UnsupportedError, match="pip install"):
        LiteRtRunner(path)
