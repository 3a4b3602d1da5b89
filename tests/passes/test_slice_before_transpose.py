from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.passes.slice_before_transpose import SliceBeforeTranspose


def cut(b: TestGraphs, x: Value, place: int, *, axis: int = 0, leave: bool = True) -> Value:
    left_out = (axis % x.rank,) if leave else ()
    op = Slice(axes=(axis,), starts=(place,), ends=(place + 1,), decrease_axis=left_out)
    return b.add(Relu(), X=b.add(op, Input=x))


@pytest.mark.parametrize("leave", [True, False], ids=["left out", "kept"])
def test_queries_keys_and_values_are_not_moved(leave: bool) -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(1, 50, 3, 64))
    turned = b.add(Transpose2(axis=(2, 1, 0, 3)), X=x)
    graph = b.build(*(cut(b, turned, place, leave=leave) for place in range(3)))
    shapes = [value.shape for value in graph.outputs]
    assert_rewrites(SliceBeforeTranspose(), graph, 1)
    assert Transpose2 not in ops(graph)
    assert [value.shape for value in graph.outputs] == shapes


def test_counts_an_axis_from_the_back() -> None:
    b = TestGraphs()
    turned = b.add(Transpose2(axis=(1, 2, 0)), X=b.add(Relu(), X=b.input(3, 4, 5)))
    graph = b.build(cut(b, turned, 2, axis=-1))
    assert_rewrites(SliceBeforeTranspose(), graph, 1)
    assert Transpose2 not in ops(graph)


def test_keeps_what_is_to_be_moved_all_the_same() -> None:
    b = TestGraphs()
    turned = b.add(Transpose2(axis=(2, 1, 0)), X=b.add(Relu(), X=b.input(3, 4, 5)))
    graph = b.build(cut(b, turned, 0))
    assert_rewrites(SliceBeforeTranspose(), graph, 0)


def test_keeps_a_transpose_that_something_else_reads_too() -> None:
    b = TestGraphs()
    turned = b.add(Transpose2(axis=(1, 0)), X=b.add(Relu(), X=b.input(3, 4)))
    graph = b.build(cut(b, turned, 0), b.add(Relu(), X=turned))
    assert_rewrites(SliceBeforeTranspose(), graph, 0)
