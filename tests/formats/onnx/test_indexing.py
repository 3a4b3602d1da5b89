from __future__ import annotations

import numpy as np
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.ir.operations.elementwise import Cast, ElementwiseMod
from opt_tool.ir.operations.indexing import Gather, GatherNd, LookupTableV2

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def integers(low: int, high: int, *shape: int) -> np.ndarray:
    return RNG.integers(low, high, shape).astype(np.int64)


# ---- Gather


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("places", [(), (1,), (4,), (2, 3)], ids=str)
@pytest.mark.parametrize("constants", [["index"], []], ids=["constant", "computed"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_gather(axis: int, places: tuple[int, ...], constants: list[str], dynamic: bool) -> None:
    inputs = {"x": normal(3, 3, 5), "index": integers(-3, 3, *places)}
    if dynamic and len(places) == 2 and not constants and axis != 0:
        with pytest.raises(UnsupportedModelError, match="more than one dimension"):
            read_model(node_model("Gather", inputs, axis=axis, dynamic=True))
    else:
        assert_reads("Gather", inputs, constants=constants, axis=axis, dynamic=dynamic)


@pytest.mark.parametrize(
    "dtype", [np.int32, np.int64, np.bool_, np.uint8, np.int8], ids=lambda dtype: dtype.__name__
)
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_gather_takes_element_types(dtype: type[np.generic], index_dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 2, (4, 5)).astype(dtype)
    index = np.array([3, -1, 0], index_dtype)
    assert_reads("Gather", {"x": x, "index": index}, axis=1)
    graph = assert_reads("Gather", {"x": x, "index": index}, constants=["x"], axis=0)
    assert (Cast in ops(graph)) == (dtype in (np.bool_, np.uint8))


def test_rows_of_a_table_are_looked_up() -> None:
    inputs = {"table": normal(7, 4), "ids": integers(0, 7, 2, 3)}
    graph = assert_reads("Gather", inputs, constants=["table"])
    assert ops(graph)[-1] is LookupTableV2


def test_negative_indices_from_the_run_are_counted_from_the_front() -> None:
    inputs = {"x": normal(4, 3), "index": np.array([-4, -1, 0, 3])}
    graph = assert_reads("Gather", inputs)
    assert ElementwiseMod in ops(graph)


def test_constant_indices_need_no_counting() -> None:
    inputs = {"x": normal(4, 3), "index": np.array([-4, -1])}
    assert ops(assert_reads("Gather", inputs, constants=["index"])) == [Gather]


@pytest.mark.parametrize("position", [0, 2, -1, -2])
@pytest.mark.parametrize("dynamic", [False, True])
def test_one_constant_index_is_a_slice(position: int, dynamic: bool) -> None:
    inputs = {"x": normal(4, 3), "index": np.array(position)}
    graph = assert_reads("Gather", inputs, constants=["index"], axis=1, dynamic=dynamic)
    assert ops(graph) == [Slice]


def test_gather_beyond_the_rank_is_refused() -> None:
    inputs = {"x": normal(4, 3), "index": np.array([0])}
    with pytest.raises(UnsupportedModelError, match="axis 2 does not exist"):
        read_model(node_model("Gather", inputs, axis=2))


# ---- GatherElements, GatherND


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("constants", [["index"], []], ids=["constant", "computed"])
def test_gather_elements(axis: int, constants: list[str]) -> None:
    inputs = {"x": normal(3, 4, 5), "index": integers(-3, 3, 2, 3, 4)}
    assert_reads("GatherElements", inputs, constants=constants, axis=axis)


def test_gather_elements_of_open_size_is_refused() -> None:
    inputs = {"x": normal(3, 4), "index": integers(0, 3, 3, 4)}
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(node_model("GatherElements", inputs, dynamic=True))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("constants", [["index"], []], ids=["constant", "computed"])
def test_gather_nd(depth: int, batch: int, constants: list[str]) -> None:
    inputs = {"x": normal(3, 4, 5, 6), "index": integers(-3, 3, 3, 2, depth)}
    graph = assert_reads("GatherND", inputs, constants=constants, batch_dims=batch)
    assert GatherNd in ops(graph)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_, np.uint8])
def test_gather_nd_takes_element_types(dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 2, (4, 5)).astype(dtype)
    assert_reads("GatherND", {"x": x, "index": integers(0, 4, 3, 2)})


def test_gather_nd_of_one_element_is_a_scalar() -> None:
    assert_reads("GatherND", {"x": normal(4, 5), "index": np.array([1, 2])})


# ---- NonZero, Compress, ReverseSequence


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.bool_])
@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 3, 4)], ids=str)
def test_non_zero(dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    assert_reads("NonZero", {"x": RNG.integers(0, 2, shape).astype(dtype)})


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("constants", [["condition"], []], ids=["constant", "computed"])
def test_compress(axis: int | None, constants: list[str]) -> None:
    inputs = {"x": normal(3, 4), "condition": np.array([True, False, True])}
    assert_reads("Compress", inputs, constants=constants, axis=axis)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("constants", [["lengths"], []], ids=["constant", "computed"])
def test_reverse_sequence(
    axes: tuple[int, int], shape: tuple[int, ...], constants: list[str]
) -> None:
    lengths = np.resize(np.array([1, 3, 2, 3]), shape[axes[1]])
    assert_reads(
        "ReverseSequence",
        {"x": normal(*shape), "lengths": lengths},
        constants=constants,
        time_axis=axes[0],
        batch_axis=axes[1],
    )


def test_unique_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedModelError, match="Cut the model in front"):
        read_model(node_model("Unique", {"x": normal(3)}))
