from __future__ import annotations

import numpy as np
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.data_movement import Assign, Concat, ExpandV2, Tile, Transpose2
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)
TYPES = [np.float32, np.int32, np.int64, np.bool_, np.uint8]


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def numbers(dtype: type[np.generic], *shape: int) -> np.ndarray:
    return RNG.integers(0, 2, shape).astype(dtype)


def vector(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


# ---- Concat


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("dynamic", [False, True])
def test_concat(axis: int, dtype: type[np.generic], dynamic: bool) -> None:
    shapes = [[2, 3, 4], [2, 3, 4], [2, 3, 4]]
    for index, shape in enumerate(shapes):
        shape[axis] += index
    inputs = {name: numbers(dtype, *s) for name, s in zip("abc", shapes, strict=True)}
    assert_reads("Concat", inputs, axis=axis, dynamic=dynamic)


def test_concat_leaves_out_what_has_no_elements() -> None:
    inputs = {"a": normal(2, 3), "b": normal(2, 0)}
    graph = assert_reads("Concat", inputs, axis=1)
    assert ops(graph) == [Assign]


def test_concat_of_different_shapes_is_refused() -> None:
    inputs = {"a": normal(2, 3), "b": normal(3, 3)}
    with pytest.raises(UnsupportedModelError, match="differ in dimension 0, not 1"):
        read_model(node_model("Concat", inputs, axis=1))


def test_bool_is_carried_by_int32_where_x86_has_no_kernel() -> None:
    inputs = {"a": numbers(np.bool_, 2), "b": numbers(np.bool_, 3)}
    graph = assert_reads("Concat", inputs, axis=0)
    assert ops(graph) == [Cast, Cast, Concat, Cast]


# ---- Transpose


@pytest.mark.parametrize("perm", [None, [1, 0, 2], [2, 0, 1], [0, 2, 1]], ids=str)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
def test_transpose(perm: list[int] | None, dtype: type[np.generic]) -> None:
    graph = assert_reads("Transpose", {"x": numbers(dtype, 2, 3, 4)}, perm=perm, dynamic=True)
    assert Transpose2 in ops(graph)


def test_transpose_that_changes_nothing_is_left_out() -> None:
    assert ops(assert_reads("Transpose", {"x": normal(2, 3)}, perm=[0, 1])) == [Assign]


def test_transpose_by_no_order_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"\[0, 0\] is no order"):
        read_model(node_model("Transpose", {"x": normal(2, 3)}, perm=[0, 0]))


# ---- Split


@pytest.mark.parametrize("opset", [7, 11, 13, 18])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_split_into_equal_parts(opset: int, axis: int, dtype: type[np.generic]) -> None:
    count = {"num_outputs": 2} if opset >= 18 else {}
    x = numbers(dtype, 4, 6, 8)
    assert_reads("Split", {"x": x}, outputs=["a", "b"], axis=axis, opset=opset, **count)


def test_split_into_sections() -> None:
    x, sections, outputs = normal(2, 7), vector(1, 4, 2), ["a", "b", "c"]
    assert_reads("Split", {"x": x}, outputs=outputs, axis=1, opset=11, split=[1, 4, 2])
    inputs = {"x": x, "split": sections}
    assert_reads("Split", inputs, constants=["split"], outputs=outputs, axis=1)


@pytest.mark.parametrize("sections", [[0, 4, 0, 3], [0, 7]], ids=str)
def test_parts_without_elements_are_constants(sections: list[int]) -> None:
    inputs = {"x": normal(2, 7), "split": vector(*sections)}
    outputs = list("abcd"[: len(sections)])
    assert_reads("Split", inputs, constants=["split"], outputs=outputs, axis=1)


def test_a_part_that_nobody_wants_still_counts() -> None:
    x = normal(2, 6)
    graph = read_model(node_model("Split", {"x": x}, outputs=["", "b"], axis=1, num_outputs=2))
    np.testing.assert_array_equal(Executor(graph).run({"x": x})["b"], x[:, 3:])


def test_split_into_parts_of_which_the_last_is_smaller() -> None:
    assert_reads("Split", {"x": normal(7, 2)}, outputs=["a", "b", "c"], num_outputs=3)


def test_split_of_a_dimension_that_may_not_divide_is_refused() -> None:
    outputs = ["a", "b"]
    model = node_model("Split", {"x": normal(4)}, outputs=outputs, num_outputs=2, dynamic=True)
    with pytest.raises(UnsupportedModelError, match="whether x_0 divides into 2"):
        read_model(model)
    model = node_model("Split", {"x": normal(5, 2)}, outputs=outputs, opset=13)
    with pytest.raises(UnsupportedModelError, match="does not divide into 2 parts"):
        read_model(model)


# ---- Expand, Tile


@pytest.mark.parametrize(
    ("old", "shape"),
    [((3, 1), (3, 4)), ((3, 1), (2, 1, 6)), ((2, 3), (1, 1)), ((1,), (2, 3)), ((2, 3), (2, 3))],
    ids=str,
)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("constants", [["shape"], []], ids=["constant", "computed"])
def test_expand(
    old: tuple[int, ...], shape: tuple[int, ...], dtype: type[np.generic], constants: list[str]
) -> None:
    inputs = {"x": numbers(dtype, *old), "shape": vector(*shape)}
    assert_reads("Expand", inputs, constants=constants)


def test_expand_keeps_open_dimensions() -> None:
    inputs = {"x": normal(2, 1, 3), "shape": vector(1, 4, 1)}
    graph = assert_reads("Expand", inputs, constants=["shape"])
    assert ops(graph) == [ExpandV2]


def test_expand_that_does_not_fit_is_refused() -> None:
    inputs = {"x": normal(2, 3), "shape": vector(2, 4)}
    with pytest.raises(UnsupportedModelError, match=r"\[2, 3\] and \[2, 4\]"):
        read_model(node_model("Expand", inputs, constants=["shape"]))


@pytest.mark.parametrize("constants", [["repeats"], []], ids=["constant", "computed"])
@pytest.mark.parametrize("dtype", [*TYPES, np.int8], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("dynamic", [False, True])
def test_tile(constants: list[str], dtype: type[np.generic], dynamic: bool) -> None:
    inputs = {"x": numbers(dtype, 2, 3), "repeats": vector(2, 3)}
    if not constants and dynamic:
        inputs["repeats"] = vector(1, 2)
        constants = ["repeats"]
    graph = assert_reads("Tile", inputs, constants=constants, dynamic=dynamic)
    assert Tile in ops(graph)


def test_tile_by_nothing_is_refused() -> None:
    inputs = {"x": normal(2, 3), "repeats": vector(0, 3)}
    with pytest.raises(UnsupportedModelError, match="no elements"):
        read_model(node_model("Tile", inputs, constants=["repeats"]))


def test_identity() -> None:
    assert ops(assert_reads("Identity", {"x": normal(2, 3)})) == [Assign]
