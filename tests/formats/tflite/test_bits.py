from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import Made, Op, assert_same, normal, one_op

RNG = np.random.default_rng(0)


def whole(dtype: type, *shape: int) -> np.ndarray:
    """Numbers of every size, among them the ends."""
    limits = np.iinfo(dtype)
    numbers = RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    numbers.reshape(-1)[:2] = limits.min, limits.max
    return numbers


def type_of(dtype: type) -> TensorType:
    kind: TensorType = TensorType[np.dtype(dtype).name.upper()]
    return kind


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
@pytest.mark.parametrize("other", [(3, 7), (7,)], ids=str)
def test_exclusive_or(tmp_path: Path, dtype: type, other: tuple[int, ...]) -> None:
    inputs = {"x": whole(dtype, 3, 7), "z": whole(dtype, *other)}
    assert_same(
        one_op("BITWISE_XOR", inputs, types={"y": type_of(dtype)}), tmp_path, rtol=0, atol=0
    )


def test_exclusive_or_of_numbers_without_bits_is_refused() -> None:
    inputs = {"x": whole(np.int16, 3), "z": whole(np.int16, 3)}
    with pytest.raises(UnsupportedModelError, match="bits of int32 and int64"):
        one_op("BITWISE_XOR", inputs, types={"y": TensorType.INT16}).read()


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
@pytest.mark.parametrize("counts", [[0, 1, 5, 7], [3]])
def test_shifts_to_the_right(tmp_path: Path, dtype: type, counts: list[int]) -> None:
    inputs = {"x": whole(dtype, 3, 4), "n": np.array(counts, dtype)}
    made = one_op("RIGHT_SHIFT", inputs, constants=("n",), types={"y": type_of(dtype)})
    assert_same(made, tmp_path, rtol=0, atol=0)


def test_shifts_that_leave_nothing_and_those_that_leave_everything(tmp_path: Path) -> None:
    inputs = {"x": whole(np.int32, 4), "n": np.array([31, 32, 99, -3], np.int32)}
    made = one_op("RIGHT_SHIFT", inputs, constants=("n",), types={"y": TensorType.INT32})
    assert_same(made, tmp_path, rtol=0, atol=0)


def test_shifts_that_only_the_run_knows_are_refused() -> None:
    inputs = {"x": whole(np.int32, 4), "n": whole(np.int32, 4)}
    with pytest.raises(UnsupportedModelError, match="number of bits"):
        one_op("RIGHT_SHIFT", inputs, types={"y": TensorType.INT32}).read()


def test_a_bitcast_to_the_same_type_is_nothing(tmp_path: Path) -> None:
    ops = [Op("BITCAST", ["x"], ["c"]), Op("NEG", ["c"])]
    made = Made(ops, {"x": normal(2, 3)}, shapes={"c": (2, 3), "y": (2, 3)})
    assert [node.op.type for node in assert_same(made, tmp_path).nodes] == ["scale"]


@pytest.mark.parametrize(
    ("array", "target", "shape"),
    [
        (normal(2, 3).view(np.int32), np.float32, (2, 3)),
        (whole(np.uint8, 2, 4), np.int32, (2,)),
        (whole(np.int32, 2, 3), np.uint8, (2, 3, 4)),
    ],
)
def test_bitcasts_of_constants(
    tmp_path: Path, array: np.ndarray, target: type, shape: tuple[int, ...]
) -> None:
    ops = [Op("BITCAST", ["c"], ["d"]), Op("CAST", ["d"], ["e"]), Op("ADD", ["e", "x"])]
    types = {"d": type_of(target), "e": TensorType.INT32, "y": TensorType.INT32}
    shapes = {"d": shape, "e": shape, "y": shape}
    made = Made(ops, {"x": np.zeros(shape, np.int32)}, {"c": array}, types=types, shapes=shapes)
    if target is np.float32:
        made = Made(
            [ops[0], Op("ABS", ["d"], ["e"]), Op("MINIMUM", ["e", "x"])],
            {"x": np.ones(shape, np.float32)}, {"c": array}, shapes=shapes,
        )  # fmt: skip
    assert_same(made, tmp_path, rtol=0, atol=0)


def test_bitcasts_of_what_is_computed_are_refused() -> None:
    made = Made([Op("BITCAST", ["x"])], {"x": normal(3)}, types={"y": TensorType.INT32})
    with pytest.raises(UnsupportedModelError, match="computed at run time"):
        made.read()
