from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.fused import FusionElementwiseAddActivation
from opt_tool.passes.fuse_residual import FuseResidual


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(b: TestGraphs, x: Value, **attributes: object) -> Value:
    op = Conv2D(paddings=(1, 1, 1, 1), **attributes)  # type: ignore[arg-type]  # fields by name
    groups = op.groups
    weight = b.weight(4, 4 // groups, 3, 3)
    return b.add(op, Input=x, Filter=weight, Bias=b.weight(4))


@pytest.mark.parametrize("order", ["XY", "YX"])
@pytest.mark.parametrize("add", [ElementwiseAdd(), FusionElementwiseAddActivation()], ids=str)
def test_a_convolution_takes_the_sum_behind_it(
    b: TestGraphs, add: ElementwiseAdd | FusionElementwiseAddActivation, order: str
) -> None:
    x = b.input(2, 4, 5, 6)
    operands = dict(zip(order, (conv(b, x), b.add(Tanh(), X=x)), strict=True))
    graph = b.build(b.add(add, **operands))
    assert_rewrites(FuseResidual(), graph, 1)
    assert ops(graph) == [Tanh, Conv2D]
    (*_, node) = graph.nodes
    assert isinstance(node.op, Conv2D)
    assert node.op.activation == (None if isinstance(add, ElementwiseAdd) else Relu())


def test_the_later_of_two_convolutions_is_taken(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 5)
    first, second = conv(b, x), conv(b, b.add(Tanh(), X=x))
    graph = b.build(b.add(ElementwiseAdd(), X=second, Y=first))
    assert_rewrites(FuseResidual(), graph, 1)
    assert ops(graph) == [Conv2D, Tanh, Conv2D]


def test_a_chain_of_sums_is_taken_one_by_one(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 5)
    y = b.add(FusionElementwiseAddActivation(), X=x, Y=conv(b, x))
    graph = b.build(b.add(FusionElementwiseAddActivation(), X=y, Y=conv(b, y)))
    assert_rewrites(FuseResidual(), graph, 2)
    assert ops(graph) == [Conv2D, Conv2D]


def test_keeps_other_operations(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 5)
    assert_rewrites(FuseResidual(), b.build(b.add(ElementwiseMul(), X=x, Y=conv(b, x))), 0)


def test_keeps_sums_that_broadcast(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 5)
    graph = b.build(b.add(ElementwiseAdd(), X=conv(b, x), Y=b.weight(4, 1, 1)))
    assert_rewrites(FuseResidual(), graph, 0)


@pytest.mark.parametrize("attributes", [{"activation": Relu()}, {"groups": 2}], ids=str)
def test_keeps_convolutions_that_are_more_than_a_sum(
    b: TestGraphs, attributes: dict[str, object]
) -> None:
    x = b.input(1, 4, 5, 5)
    graph = b.build(b.add(ElementwiseAdd(), X=conv(b, x, **attributes), Y=x))
    assert_rewrites(FuseResidual(), graph, 0)


def test_keeps_a_convolution_that_something_else_reads(b: TestGraphs) -> None:
    x = b.input(1, 4, 5, 5)
    y = conv(b, x)
    graph = b.build(b.add(ElementwiseAdd(), X=y, Y=x), b.add(Tanh(), X=y))
    assert_rewrites(FuseResidual(), graph, 0)


def test_keeps_a_convolution_added_to_itself(b: TestGraphs) -> None:
    y = conv(b, b.input(1, 4, 5, 5))
    assert_rewrites(FuseResidual(), b.build(b.add(ElementwiseAdd(), X=y, Y=y)), 0)
