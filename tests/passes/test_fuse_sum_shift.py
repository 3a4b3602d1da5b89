from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.passes.fuse_sum_shift import FuseSumShift


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(b: TestGraphs, op: Operation | None = None, *, bias: bool = True) -> Value:
    offset = b.weight(4) if bias else None
    op = op or Conv2D()
    return b.add(op, Input=b.input(2, 4, 5, 6), Filter=b.weight(4, 4, 1, 1), Bias=offset)


def total(b: TestGraphs, x: Value, y: Value) -> Value:
    return b.add(ElementwiseAdd(), X=x, Y=y)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("layer", [Conv2D(), Conv2DTranspose()], ids=repr)
def test_folds_the_shift_of_a_sum(b: TestGraphs, layer: Operation, swap: bool, bias: bool) -> None:
    operands = (conv(b, layer, bias=bias), b.input(2, 4, 5, 6, name="z"))
    x = total(b, *(reversed(operands) if swap else operands))
    graph = b.build(b.add(Relu(), X=total(b, x, b.weight(4, 1, 1))))
    assert_rewrites(FuseSumShift(), graph, 1)
    assert ops(graph) == [type(layer), ElementwiseAdd, Relu]


def test_follows_sums_of_sums(b: TestGraphs) -> None:
    x = total(b, total(b, b.input(2, 4, 5, 6), conv(b)), b.input(2, 4, 5, 6))
    graph = b.build(b.add(ElementwiseSub(), X=x, Y=b.weight(4, 1, 1)))
    assert_rewrites(FuseSumShift(), graph, 1)
    assert ops(graph) == [Conv2D, ElementwiseAdd, ElementwiseAdd]


def test_what_is_shifted_loses_the_name_of_the_source_tensor(b: TestGraphs) -> None:
    y = b.add(Conv2D(), "conv", Input=b.input(2, 4, 5, 6), Filter=b.weight(4, 4, 1, 1))
    x = b.add(ElementwiseAdd(), "sum", X=y, Y=b.input(2, 4, 5, 6))
    graph = b.build(b.add(Relu(), X=b.add(ElementwiseAdd(), "shifted", X=x, Y=b.weight(4, 1, 1))))
    assert_rewrites(FuseSumShift(), graph, 1)
    assert [node.output.name for node in graph.nodes][:2] == ["conv.shifted", "shifted"]


def test_folds_one_number_for_all(b: TestGraphs) -> None:
    x = total(b, conv(b), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(b.add(Scale(bias=0.75), X=x)), 1)


@pytest.mark.parametrize("op", [ElementwiseMul(), ElementwiseSub()], ids=["factor", "negated"])
def test_keeps_factors(b: TestGraphs, op: Operation) -> None:
    x = total(b, conv(b), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(b.add(op, X=b.weight(4, 1, 1), Y=x)), 0)


def test_keeps_a_shift_by_pixel(b: TestGraphs) -> None:
    x = total(b, conv(b), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(total(b, x, b.weight(5, 6))), 0)


def test_keeps_a_sum_that_is_read_before_the_shift(b: TestGraphs) -> None:
    x = total(b, conv(b), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(x, total(b, x, b.weight(4, 1, 1))), 0)


def test_keeps_a_convolution_that_something_else_reads(b: TestGraphs) -> None:
    y = conv(b)
    x = total(b, y, b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(y, total(b, x, b.weight(4, 1, 1))), 0)


def test_keeps_a_convolution_with_an_activation(b: TestGraphs) -> None:
    x = total(b, conv(b, Conv2D(activation=Relu())), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(total(b, x, b.weight(4, 1, 1))), 0)


def test_keeps_a_sum_that_repeats_the_convolution(b: TestGraphs) -> None:
    small = b.add(Conv2D(), Input=b.input(2, 4, 1, 1), Filter=b.weight(4, 4, 1, 1))
    relu = b.add(Relu(), X=b.input(2, 4, 5, 6))
    x = total(b, total(b, relu, small), b.input(2, 4, 5, 6))
    assert_rewrites(FuseSumShift(), b.build(total(b, x, b.weight(4, 1, 1))), 0)
