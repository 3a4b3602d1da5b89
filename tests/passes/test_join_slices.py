from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import ENDLESS, Slice, Split
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.join_slices import JoinSlices


def cut(b: TestGraphs, x: Value, start: int, end: int, axis: int = 1) -> Value:
    return b.add(Slice(axes=(axis,), starts=(start,), ends=(end,)), Input=x)


def test_slices_that_divide_a_tensor_become_one_split() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 7, 3))
    last, first, middle = cut(b, x, -2, ENDLESS), cut(b, x, 0, 2), cut(b, x, 2, 5)
    graph = b.build(b.add(Relu(), X=first), middle, b.add(Relu(), X=last))
    assert_rewrites(JoinSlices(), graph, 1)
    (split,) = (node for node in graph.nodes if isinstance(node.op, Split))
    assert split.op == Split(axis=1, sections=(2, 3, 2))


def test_the_parts_keep_the_names_of_the_slices() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 4))
    parts = cut(b, x, 0, 1), cut(b, x, 1, 4)
    names = [part.name for part in parts]
    graph = b.build(b.add(Relu(), X=parts[0]), parts[1])
    JoinSlices().run(graph)
    (split,) = (node for node in graph.nodes if isinstance(node.op, Split))
    assert [value.name for value in split.outputs.flat()] == names


def test_slices_along_two_axes_are_two_splits() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(4, 6))
    halves = [cut(b, x, *bounds, axis=0) for bounds in ((0, 2), (2, 4))]
    thirds = [cut(b, x, *bounds, axis=1) for bounds in ((0, 2), (2, 4), (4, 6))]
    graph = b.build(*(b.add(Relu(), X=part) for part in (*halves, *thirds)))
    assert_rewrites(JoinSlices(), graph, 2)


def test_one_axis_is_one_split_from_whichever_end_it_is_counted() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(4, 6))
    parts = cut(b, x, 0, 2, axis=1), cut(b, x, 2, 6, axis=-1)
    graph = b.build(*(b.add(Relu(), X=part) for part in parts))
    assert_rewrites(JoinSlices(), graph, 1)
    (split,) = (node for node in graph.nodes if isinstance(node.op, Split))
    assert split.op == Split(axis=1, sections=(2, 4))


@pytest.mark.parametrize(
    "bounds", [((0, 2), (3, 7)), ((0, 3), (2, 7)), ((0, 2), (2, 6)), ((1, 7), (0, 1), (0, 1))]
)
def test_keeps_slices_with_gaps_or_repetitions(bounds: tuple[tuple[int, int], ...]) -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 7, 3))
    graph = b.build(*(b.add(Relu(), X=cut(b, x, *pair)) for pair in bounds))
    assert_rewrites(JoinSlices(), graph, 0)
    assert Split not in ops(graph)


def test_keeps_a_slice_of_everything_and_whole_numbers() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 7))
    whole = b.input(2, 4, dtype=DType.INT64)
    parts = cut(b, whole, 0, 2), cut(b, whole, 2, 4)
    graph = b.build(
        b.add(Relu(), X=cut(b, x, 0, 7)), b.add(ElementwiseAdd(), X=parts[0], Y=parts[1])
    )
    assert_rewrites(JoinSlices(), graph, 0)


def one_of(b: TestGraphs, x: Value, place: int) -> Value:
    op = Slice(axes=(1,), starts=(place,), ends=(place + 1,), decrease_axis=(1,))
    return b.add(op, Input=x)


def test_a_reshape_leaves_the_dimension_out_instead_of_the_slice() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(5, 2, 6))
    parts = [b.add(Reshape2(shape=(5, 3, 2)), X=one_of(b, x, place)) for place in range(2)]
    graph = b.build(*(b.add(Relu(), X=part) for part in parts))
    assert_rewrites(JoinSlices(), graph, 1)
    assert sorted(op.__name__ for op in ops(graph)) == ["Relu"] * 3 + ["Reshape2"] * 2 + ["Split"]


def test_keeps_slices_that_leave_a_dimension_out_for_others() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(5, 2, 6))
    graph = b.build(*(b.add(Relu(), X=one_of(b, x, place)) for place in range(2)))
    assert_rewrites(JoinSlices(), graph, 0)
