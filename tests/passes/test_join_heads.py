from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Split, Transpose2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.join_heads import JoinHeads

LAST = (0, 2, 3, 1)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(
    b: TestGraphs, x: Value, channels: int, op: Conv2D | None = None, *, bias: bool = True
) -> Value:
    op = Conv2D(paddings=(1, 1, 1, 1)) if op is None else op
    group = 4 // op.groups
    return b.add(
        op,
        Input=x,
        Filter=b.weight(channels, group, 3, 3),
        Bias=b.weight(channels) if bias else None,
    )


def head(b: TestGraphs, x: Value, channels: int, axis: tuple[int, ...] = LAST) -> Value:
    return b.add(Transpose2(axis=axis), X=conv(b, x, channels))


@pytest.mark.parametrize("axis", [LAST, (0, 1, 3, 2)], ids=str)
def test_joins_convolutions_of_one_value(b: TestGraphs, axis: tuple[int, ...]) -> None:
    x = b.add(Tanh(), X=b.input(2, 4, 5, 6))
    y, z, u = (head(b, x, channels, axis) for channels in (6, 2, 1))
    graph = b.build(b.add(Reshape2(shape=(2, -1)), X=y), z, b.add(Tanh(), X=u))
    assert_rewrites(JoinHeads(), graph, 1)
    assert ops(graph) == [Tanh, Conv2D, Transpose2, Split, Reshape2, Tanh]


def test_joins_where_no_convolution_has_a_bias(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    op = Conv2D(strides=(2, 2), activation=Relu())
    parts = [b.add(Transpose2(axis=LAST), X=conv(b, x, n, op, bias=False)) for n in (3, 2)]
    graph = b.build(*parts)
    assert_rewrites(JoinHeads(), graph, 1)
    assert ops(graph) == [Conv2D, Transpose2, Split]


def test_outputs_keep_their_names(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    boxes = b.add(Transpose2(axis=LAST), "boxes", X=conv(b, x, 4))
    scores = b.add(Transpose2(axis=LAST), "scores", X=conv(b, x, 2))
    graph = b.build(scores, boxes)
    assert_rewrites(JoinHeads(), graph, 1)
    assert [value.name for value in graph.outputs] == ["scores", "boxes"]


def test_stands_where_the_first_of_the_transposes_stood(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    first, second = conv(b, x, 3), conv(b, x, 2)
    early = b.add(Tanh(), X=b.add(Transpose2(axis=LAST), X=second))
    graph = b.build(early, b.add(Transpose2(axis=LAST), X=first))
    assert_rewrites(JoinHeads(), graph, 1)
    assert ops(graph) == [Conv2D, Transpose2, Split, Tanh]


# ---- what stays


def test_keeps_convolutions_of_two_values(b: TestGraphs) -> None:
    x, y = b.input(1, 4, 5, 6), b.input(1, 4, 5, 6)
    assert_rewrites(JoinHeads(), b.build(head(b, x, 3), head(b, y, 2)), 0)


def test_keeps_other_windows_and_orders(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    strided = conv(b, x, 2, Conv2D(paddings=(1, 1, 1, 1), strides=(2, 2)))
    bare = conv(b, x, 2, bias=False)
    graph = b.build(
        head(b, x, 3),
        head(b, x, 2, (0, 3, 2, 1)),
        *(b.add(Transpose2(axis=LAST), X=value) for value in (strided, bare)),
    )
    assert_rewrites(JoinHeads(), graph, 0)


def test_keeps_groups(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    halves = [conv(b, x, 2, Conv2D(paddings=(1, 1, 1, 1), groups=2)) for _ in range(2)]
    planes = [conv(b, x, 4, DepthwiseConv2D(groups=4)) for _ in range(2)]
    graph = b.build(*(b.add(Transpose2(axis=LAST), X=value) for value in (*halves, *planes)))
    assert_rewrites(JoinHeads(), graph, 0)


def test_keeps_what_something_else_reads_and_what_is_not_transposed(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 6)
    seen, read, plain = (conv(b, x, n) for n in (3, 2, 4))
    graph = b.build(
        seen,
        b.add(Transpose2(axis=LAST), X=seen),
        b.add(Transpose2(axis=LAST), X=read),
        b.add(Tanh(), X=read),
        b.add(Tanh(), X=plain),
        head(b, x, 5),
    )
    assert_rewrites(JoinHeads(), graph, 0)


def test_keeps_filters_that_are_computed(b: TestGraphs) -> None:
    x, weight = b.input(1, 4, 5, 6), b.input(2, 4, 3, 3)
    computed = b.add(Conv2D(paddings=(1, 1, 1, 1)), Input=x, Filter=weight, Bias=b.weight(2))
    graph = b.build(b.add(Transpose2(axis=LAST), X=computed), head(b, x, 3))
    assert_rewrites(JoinHeads(), graph, 0)
