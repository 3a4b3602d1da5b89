from __future__ import annotations

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(2)

RANGES: dict[str, tuple[float, float]] = {
    "Abs": (-5, 5),
    "Acos": (-1, 1),
    "Acosh": (1, 50),
    "Asin": (-1, 1),
    "Asinh": (-50, 50),
    "Atan": (-50, 50),
    "Atanh": (-0.99, 0.99),
    "Ceil": (-5, 5),
    "Cos": (-9, 9),
    "Cosh": (-5, 5),
    "Erf": (-4, 4),
    "Exp": (-5, 5),
    "Floor": (-5, 5),
    "Log": (0.001, 50),
    "Neg": (-5, 5),
    "Reciprocal": (0.1, 5),
    "Round": (-5, 5),
    "Sign": (-5, 5),
    "Sin": (-9, 9),
    "Sinh": (-5, 5),
    "Sqrt": (0, 50),
    "Tan": (-1.4, 1.4),
}


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("operator", RANGES)
def test_function(operator: str, dynamic: bool) -> None:
    low, high = RANGES[operator]
    x = np.linspace(low, high, 2 * 3 * 35, dtype=np.float32).reshape(2, 3, 35)
    assert_reads(operator, {"x": x}, dynamic=dynamic)


@pytest.mark.parametrize("operator", ["Abs", "Neg", "Floor", "Exp", "Sqrt", "Erf"])
def test_function_of_a_scalar(operator: str) -> None:
    assert_reads(operator, {"x": np.array(0.7, np.float32)})


@pytest.mark.parametrize("operator", ["Abs", "Neg", "Sign"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64], ids=str)
def test_function_of_whole_numbers(operator: str, dtype: type) -> None:
    assert_reads(operator, {"x": np.array([[-3, 0], [7, 2**30]], dtype)})


def test_round_takes_halves_to_the_even_number() -> None:
    below_half = np.nextafter(np.float32(0.5), np.float32(0))
    x = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, below_half, -1e-10, 8388609, -4194305.5, 1e20]
    assert_reads("Round", {"x": np.array(x, np.float32)})


def test_inverse_trigonometry_at_its_ends() -> None:
    ends = np.array([-1, -0.9999999, 0, 0.9999999, 1], np.float32)
    assert_reads("Asin", {"x": ends})
    assert_reads("Acos", {"x": ends})
    huge = np.array([-np.inf, -1e30, -1e10, 1e-10, 1e10, 1e30, np.inf], np.float32)
    assert_reads("Atan", {"x": huge})


def test_hyperbolic_functions_near_their_limits() -> None:
    x = np.array([-88, -20, -1e-6, 1e-6, 20, 88], np.float32)
    assert_reads("Sinh", {"x": x})
    assert_reads("Cosh", {"x": x})
    assert_reads("Asinh", {"x": np.array([-1e15, -1e-6, 0, 1e-6, 1e15], np.float32)})
    assert_reads("Acosh", {"x": np.array([1, 1.0000001, 2, 1e15], np.float32)})


ODD = np.array([-np.inf, -3e38, -1, 0, np.nan, 1, 3e38, np.inf], np.float32)


def test_is_nan() -> None:
    assert_reads("IsNaN", {"x": ODD})


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("negative", [0, 1])
def test_is_inf(positive: int, negative: int) -> None:
    assert_reads("IsInf", {"x": ODD}, detect_positive=positive, detect_negative=negative)


def test_square_root_of_whole_numbers_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="int32 operands"):
        read_model(node_model("Sqrt", {"x": np.array([4], np.int32)}))


@pytest.mark.parametrize("operator", ["Round", "IsInf", "Sign"])
def test_scalars_stay_scalars(operator: str) -> None:
    assert_reads(operator, {"x": np.array(2.5, np.float32)})
