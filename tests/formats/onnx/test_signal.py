"""DFT, STFT and MelWeightMatrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def _transforms(x: np.ndarray, length: int | None, **options: Any) -> None:
    given = None if length is None else np.array(length, np.int64)
    constants = () if given is None else ("length",)
    assert_reads("DFT", {"x": x, "length": given}, constants=constants, opset=17, **options)


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize(("parts", "inverse"), [(1, 0), (2, 0), (2, 1)])
def test_transform_along_an_axis(axis: int, parts: int, inverse: int) -> None:
    _transforms(random(3, 4, 5, parts), None, axis=axis, inverse=inverse)


@pytest.mark.parametrize("length", [3, 5, 8])
@pytest.mark.parametrize("onesided", [0, 1])
def test_transform_of_a_length_of_its_own(length: int, onesided: int) -> None:
    _transforms(random(2, 5, 1), length, axis=1, onesided=onesided)


@pytest.mark.parametrize("axis", [None, 1])
def test_the_axis_may_be_an_operand(axis: int | None) -> None:
    """Against NumPy: onnxruntime's DFT of opset 20 ends the process."""
    x = random(2, 5, 3, 2)
    given = None if axis is None else np.array(axis, np.int64)
    constants = () if axis is None else ("axis",)
    operands = {"x": x, "length": None, "axis": given}
    model = node_model("DFT", operands, constants=constants, opset=20)
    (actual,) = Executor(read_model(model)).run({"x": x}).values()
    expected = np.fft.fft(x[..., 0] + 1j * x[..., 1], axis=2 if axis is None else axis)
    np.testing.assert_allclose(actual[..., 0] + 1j * actual[..., 1], expected, atol=1e-5)


def test_the_inverse_of_half_a_spectrum_is_a_real_signal() -> None:
    x = random(2, 5, 2)
    model = node_model("DFT", {"x": x}, inverse=1, onesided=1, axis=1, opset=17)
    (actual,) = Executor(read_model(model)).run({"x": x}).values()
    expected = np.fft.irfft(x[..., 0] + 1j * x[..., 1], axis=1)
    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize("window", [False, True])
@pytest.mark.parametrize("onesided", [0, 1])
def test_frames(window: bool, onesided: int) -> None:
    operands = {
        "x": random(2, 30, 1),
        "step": np.array(4, np.int64),
        "window": np.hanning(8).astype(np.float32) if window else None,
        "length": np.array(8, np.int64),
    }
    constants = tuple(name for name in ("step", "window", "length") if operands[name] is not None)
    assert_reads("STFT", operands, constants=constants, onesided=onesided, opset=17)


def test_frames_as_long_as_their_window() -> None:
    operands = {
        "x": random(1, 20, 1),
        "step": np.array(3, np.int64),
        "window": np.hanning(7).astype(np.float32),
    }
    assert_reads("STFT", operands, constants=("step", "window"), opset=17)


@pytest.mark.parametrize(
    ("operator", "operands", "constants", "reason"),
    [
        ("DFT", {"x": random(1, 5000, 1)}, (), "a transform of 5000 numbers"),
        ("STFT", {"x": random(1, 9, 1), "s": np.array(2)}, ("s",), "neither a window nor"),
        (
            "STFT",
            {
                "x": random(1, 9, 1),
                "s": np.array(2),
                "w": np.ones(3, np.float32),
                "l": np.array(4),
            },
            ("s", "w", "l"),
            "a window of 3 for frames of 4",
        ),
        (
            "STFT",
            {"x": random(1, 9, 1), "s": np.array(2), "w": np.ones(3, np.float32)},
            ("s",),
            "its window is the input",
        ),
    ],
)
def test_refusals(
    operator: str, operands: dict[str, np.ndarray | None], constants: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model(operator, operands, constants=constants, opset=17))


def test_a_transform_of_an_unknown_length_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="the size of it must be known"):
        read_model(node_model("DFT", {"x": random(1, 5, 1)}, dynamic=True, opset=17))


def mel_weights(sizes: tuple[float, ...]) -> onnx.ModelProto:
    names = ("bins", "length", "rate", "low", "high")
    operands: dict[str, np.ndarray | None] = {
        name: np.array(size, np.int64 if index < 3 else np.float32)
        for index, (name, size) in enumerate(zip(names, sizes, strict=True))
    }
    return node_model("MelWeightMatrix", operands, constants=names, opset=17)


@pytest.mark.parametrize("sizes", [(8, 16, 8192, 0, 4096), (20, 64, 16000, 80, 7600)])
def test_mel_weights(sizes: tuple[float, ...]) -> None:
    model = mel_weights(sizes)
    (actual,) = Executor(read_model(model)).run({}).values()
    (expected,) = ReferenceEvaluator(model).run(None, {})
    np.testing.assert_allclose(actual, np.asarray(expected), atol=1e-6)


@pytest.mark.parametrize(
    "frequencies",
    [(0, 0, 1), (8192, np.nan, 1), (8192, 0, np.inf), (8192, 9, 8), (8192, 0, 8192), (8192, -9, 9)],
)
def test_mel_weights_of_no_frequencies_are_refused(frequencies: tuple[float, ...]) -> None:
    with pytest.raises(UnsupportedModelError, match="Hz of"):
        read_model(mel_weights((8, 16, *frequencies)))
