from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.fuse_affine_conv import FuseAffineConv

LAYERS = [
    (Conv2D(), (6, 4, 3, 3)),
    (Conv2D(groups=2), (6, 2, 3, 3)),
    (DepthwiseConv2D(groups=4), (8, 1, 3, 3)),
]
PADDED = Conv2D(paddings=(1, 1, 0, 0))


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(b: TestGraphs, x: Value, op: Conv2D | None = None) -> Value:
    return b.add(op or Conv2D(), Input=x, Filter=b.weight(6, 4, 3, 3))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=str)
def test_folds_batch_norm_into_the_next_convolution(
    b: TestGraphs, layer: Conv2D, shape: tuple[int, ...], bias: bool
) -> None:
    parameters = {slot: b.weight(4) for slot in ("Scale", "Bias", "Mean")}
    x = b.add(BatchNorm(), X=b.input(2, 4, 7, 6), **parameters, Variance=b.positive(4))
    offset = b.weight(shape[0]) if bias else None
    graph = b.build(b.add(layer, Input=x, Filter=b.weight(*shape), Bias=offset))
    assert_rewrites(FuseAffineConv(), graph, 1)
    assert ops(graph) == [type(layer)]


@pytest.mark.parametrize(
    "op", [ElementwiseAdd(), ElementwiseSub(), ElementwiseMul(), ElementwiseDiv()], ids=repr
)
@pytest.mark.parametrize("shape", [(4, 1, 1), ()], ids=str)
def test_folds_arithmetic(b: TestGraphs, op: Operation, shape: tuple[int, ...]) -> None:
    x = b.add(op, X=b.input(2, 4, 7, 6), Y=b.positive(*shape))
    assert_rewrites(FuseAffineConv(), b.build(conv(b, x)), 1)


def test_folds_the_normalization_of_pictures(b: TestGraphs) -> None:
    x = b.add(ElementwiseSub(), X=b.input(2, 4, 7, 6), Y=b.positive(4, 1, 1))
    x = b.add(ElementwiseDiv(), X=x, Y=b.positive(4, 1, 1))
    graph = b.build(conv(b, x))
    assert_rewrites(FuseAffineConv(), graph, 2)
    assert ops(graph) == [Conv2D]


def test_folds_a_scale_into_a_convolution_that_pads(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0), X=b.input(2, 4, 7, 6))
    assert_rewrites(FuseAffineConv(), b.build(conv(b, x, PADDED)), 1)


def test_keeps_a_shift_in_front_of_a_convolution_that_pads(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0, bias=1.0), X=b.input(2, 4, 7, 6))
    assert_rewrites(FuseAffineConv(), b.build(conv(b, x, PADDED)), 0)


def test_keeps_what_something_else_reads(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0), X=b.input(2, 4, 7, 6))
    assert_rewrites(FuseAffineConv(), b.build(conv(b, x), b.add(Relu(), X=x)), 0)


def test_keeps_an_affine_map_that_is_an_output(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0), X=b.input(2, 4, 7, 6))
    assert_rewrites(FuseAffineConv(), b.build(x, conv(b, x)), 0)


def test_keeps_filters_that_are_computed(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0), X=b.input(2, 4, 7, 6))
    weight = b.add(Relu(), X=b.input(6, 4, 3, 3, name="filter"))
    assert_rewrites(FuseAffineConv(), b.build(b.add(Conv2D(), Input=x, Filter=weight)), 0)


def test_keeps_a_filter_that_two_convolutions_share(b: TestGraphs) -> None:
    weight = b.weight(6, 4, 3, 3)
    inputs = [b.add(Scale(scale=2.0), X=b.input(2, 4, 7, 6)) for _ in range(2)]
    graph = b.build(*(b.add(Conv2D(), Input=x, Filter=weight) for x in inputs))
    assert_rewrites(FuseAffineConv(), graph, 0)


def test_keeps_constants_that_differ_by_pixel(b: TestGraphs) -> None:
    x = b.add(ElementwiseMul(), X=b.input(2, 4, 7, 6), Y=b.weight(7, 6))
    assert_rewrites(FuseAffineConv(), b.build(conv(b, x)), 0)
