from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import Made, Op, assert_same, ints, normal, one_op

HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, -3.2, 4.7], np.float32)


def test_rounds_halves_to_even(tmp_path: Path) -> None:
    assert_same(one_op("ROUND", {"x": HALVES}), tmp_path, atol=0)


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(-1.0, 1.0, 8), (0.0, 6.0, 8), (-0.3, 1.7, 4), (-2.0, 0.0, 16)]
)
def test_rounds_to_steps(tmp_path: Path, low: float, high: float, bits: int) -> None:
    """Numbers inside and outside of the range, not at halves, where float32 itself decides."""
    rng, count = np.random.default_rng(0), 2**bits - 1
    steps = rng.integers(-2 * count, 2 * count, (9, 50)) + rng.uniform(-0.49, 0.49, (9, 50))
    x = (steps * (high - low) / count).astype(np.float32)
    made = one_op("FAKE_QUANT", {"x": x}, min=low, max=high, num_bits=bits)
    assert_same(made, tmp_path, rtol=0, atol=1e-6)


def test_weights_are_rounded_to_steps_at_conversion(tmp_path: Path) -> None:
    options = {"min": -1.0, "max": 1.5, "num_bits": 4}
    ops = [Op("FAKE_QUANT", ["w"], ["q"], options), Op("MUL", ["x", "q"])]
    made = Made(ops, {"x": normal(2, 3)}, {"w": normal(3)}, shapes={"q": (3,), "y": (2, 3)})
    assert [node.op.type for node in assert_same(made, tmp_path).nodes] == ["elementwise_mul"]


def test_steps_without_one_for_zero_points_are_refused() -> None:
    """LiteRT does not run them either."""
    options = {"min": -1.0, "max": 1.0, "num_bits": 8, "narrow_range": True}
    with pytest.raises(UnsupportedModelError, match="narrow_range"):
        Made([Op("FAKE_QUANT", ["x"], ["y"], options)], {"x": normal(3)}).read()


@pytest.mark.parametrize("options", [(0.5, 1.0, 8), (-1.0, 1.0, 1), (0.0, 0.0, 8)], ids=str)
def test_steps_without_a_range_are_refused(options: tuple[float, float, int]) -> None:
    low, high, bits = options
    with pytest.raises(UnsupportedModelError, match="bits between"):
        one_op("FAKE_QUANT", {"x": normal(3)}, min=low, max=high, num_bits=bits).read()


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)], ids=str)
def test_buckets(tmp_path: Path, dtype: type, shape: tuple[int, ...]) -> None:
    x: np.ndarray = np.round(4 * normal(*shape)).astype(dtype)
    types = {"y": TensorType.INT32}
    made = one_op("BUCKETIZE", {"x": x}, types=types, boundaries=[-3.0, 0.0, 0.5, 2.0, 2.0])
    assert_same(made, tmp_path, atol=0)


def test_buckets_in_no_order_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="ascending"):
        one_op("BUCKETIZE", {"x": normal(3)}, boundaries=[1.0, 0.0]).read()


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_sign(tmp_path: Path, dtype: type) -> None:
    x: np.ndarray = np.array([-3, -1, 0, 2, 5], dtype)
    kind = TensorType.FLOAT32 if dtype is np.float32 else TensorType.INT32
    assert_same(one_op("SIGN", {"x": x}, types={"y": kind}), tmp_path, atol=0)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [
        ("FLOOR_MOD", np.float32),
        ("FLOOR_MOD", np.int32),
        ("FLOOR_MOD", np.int64),
        ("FLOOR_DIV", np.float32),
        ("FLOOR_DIV", np.int32),
    ],
)
def test_remainders_take_the_sign_of_the_divisor(tmp_path: Path, code: str, dtype: type) -> None:
    x, y = np.meshgrid(np.arange(-7, 8), [-3, -2, 2, 3, 5])
    inputs: dict[str, np.ndarray] = {"x": x.astype(dtype), "z": y.astype(dtype)}
    kind = getattr(TensorType, np.dtype(dtype).name.upper())
    assert_same(one_op(code, inputs, types={"y": kind}), tmp_path, atol=0)


def test_remainders_of_parts(tmp_path: Path) -> None:
    assert_same(one_op("FLOOR_MOD", {"x": 9 * normal(6, 7), "z": normal(7)}), tmp_path)


def test_angles(tmp_path: Path) -> None:
    numbers = np.array([-1e30, -2, -1, -1e-3, 0, 1e-30, 1, 3, 1e30], np.float32)
    y, x = np.meshgrid(numbers, numbers)
    assert_same(one_op("ATAN2", {"z": y, "x": x}), tmp_path, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("code", ["REDUCE_ANY", "REDUCE_ALL"])
@pytest.mark.parametrize(("axes", "keep"), [((1,), True), ((0, 2), False)])
def test_any_and_all(tmp_path: Path, code: str, axes: tuple[int, ...], keep: bool) -> None:
    inputs = {"x": normal(2, 3, 2) > (0.6 if code == "REDUCE_ANY" else -0.6), "a": ints(*axes)}
    made = one_op(code, inputs, constants=("a",), types={"y": TensorType.BOOL}, keep_dims=keep)
    assert_same(made, tmp_path)


@pytest.mark.parametrize("radius", [1, 2, 9])
def test_local_response_normalization(tmp_path: Path, radius: int) -> None:
    made = one_op(
        "LOCAL_RESPONSE_NORMALIZATION", {"x": normal(1, 3, 4, 7)}, radius=radius, bias=1.5,
        alpha=0.3, beta=0.75,
    )  # fmt: skip
    assert_same(made, tmp_path)


def test_shapes_that_broadcast(tmp_path: Path) -> None:
    ops = [
        Op("BROADCAST_ARGS", ["r", "s"], ["t"]),
        Op("BROADCAST_TO", ["x", "t"], ["y"]),
    ]
    constants = {"r": ints(2, 1, 3), "s": ints(4, 1)}
    types = {"t": TensorType.INT32}
    assert_same(Made(ops, {"x": normal(1, 3)}, constants, types=types), tmp_path)


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    constants = {"r": ints(2, 3), "s": ints(4)}
    made = Made([Op("BROADCAST_ARGS", ["r", "s"])], {}, constants, types={"y": TensorType.INT32})
    with pytest.raises(UnsupportedModelError, match="do not broadcast"):
        made.read()
