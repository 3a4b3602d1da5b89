from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from opt_tool.ir.operations.data_movement import Slice
from tflite_models import assert_same, ints, normal, one_op


@pytest.mark.parametrize(
    ("shape", "index"),
    [((3, 4, 5), [[2, 1], [0, 3]]), ((3, 4), [[[1], [2]], [[0], [0]]]), ((4,), [[3], [1]])],
)
def test_gather_nd(tmp_path: Path, shape: tuple[int, ...], index: list[object]) -> None:
    assert_same(one_op("GATHER_ND", {"x": normal(*shape), "i": ints(*index)}), tmp_path)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_gather_nd_of_whole_numbers(tmp_path: Path, dtype: type) -> None:
    inputs = {"x": np.arange(12, dtype=dtype).reshape(3, 4), "i": ints([2, 1], [0, 3])}
    kind = getattr(TensorType, np.dtype(dtype).name.upper())
    assert_same(one_op("GATHER_ND", inputs, types={"y": kind}), tmp_path)


@pytest.mark.parametrize("axes", [1, 2])
def test_gather_in_each_of_a_batch(tmp_path: Path, axes: int) -> None:
    index = np.array([[[1, 0], [3, 3]], [[2, 1], [0, 1]]], np.int32)
    inputs = {"x": normal(2, *(2, 4)[:axes][-axes:], 5) if axes == 1 else normal(2, 2, 4)}
    inputs["i"] = index % 2 if axes == 1 else index
    assert_same(one_op("GATHER", inputs, axis=axes, batch_dims=axes), tmp_path)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_known_position_is_a_slice(tmp_path: Path, axis: int, dtype: type) -> None:
    inputs = {"x": normal(3, 4, 5), "i": np.array(2, dtype)}
    graph = assert_same(one_op("GATHER", inputs, constants=("i",), axis=axis), tmp_path)
    assert [type(node.op) for node in graph.nodes] == [Slice]


@pytest.mark.parametrize("position", [-1, 3])
def test_a_position_outside_of_its_axis_is_refused(position: int) -> None:
    inputs = {"x": normal(3, 4), "i": np.array(position, np.int32)}
    with pytest.raises(UnsupportedModelError, match=f"position {position} of an axis of 3"):
        one_op("GATHER", inputs, constants=("i",)).read()


def test_gather_behind_a_batch_is_refused() -> None:
    made = one_op("GATHER", {"x": normal(2, 3, 4), "i": ints([0], [1])}, axis=2, batch_dims=1)
    with pytest.raises(UnsupportedModelError, match="batch_dims 1"):
        made.read()


def test_where_names_the_places(tmp_path: Path) -> None:
    made = one_op("WHERE", {"x": normal(4, 5) > 0}, types={"y": TensorType.INT64})
    assert_same(made, tmp_path)


@pytest.mark.parametrize(("time", "batch"), [(1, 0), (0, 1)])
def test_reverse_sequence(tmp_path: Path, time: int, batch: int) -> None:
    shape = (3, 5, 2) if batch == 0 else (5, 3, 2)
    inputs = {"x": normal(*shape), "n": ints(5, 1, 3)}
    made = one_op("REVERSE_SEQUENCE", inputs, seq_dim=time, batch_dim=batch)
    assert_same(made, tmp_path)


def test_a_sequence_along_another_axis_is_refused() -> None:
    inputs = {"x": normal(3, 5, 2), "n": ints(5, 1, 3)}
    with pytest.raises(UnsupportedModelError, match="time axis 2"):
        one_op("REVERSE_SEQUENCE", inputs, seq_dim=2, batch_dim=0).read()


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize(
    ("on", "off"), [(np.float32(1), np.float32(0)), (np.float32(0.9), np.float32(-0.1)),
                    (np.int32(7), np.int32(2)), (np.bool_(True), np.bool_(False))],
)  # fmt: skip
def test_one_hot(tmp_path: Path, axis: int, on: np.generic, off: np.generic) -> None:
    inputs = {
        "i": ints([2, 0, 3], [-1, 9, 1]), "d": ints(4).reshape(()), "on": np.array(on),
        "off": np.array(off),
    }  # fmt: skip
    kind = getattr(TensorType, np.array(on).dtype.name.upper())
    made = one_op("ONE_HOT", inputs, constants=("d", "on", "off"), types={"y": kind}, axis=axis)
    assert_same(made, tmp_path)
