from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.fuse_conv_affine import FuseConvAffine

ARITHMETIC = [ElementwiseAdd, ElementwiseSub, ElementwiseMul, ElementwiseDiv]


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(b: TestGraphs, op: Conv2D | None = None) -> Value:
    weight = b.weight(6, 4, 3, 3)
    return b.add(op or Conv2D(), Input=b.input(2, 4, 7, 7), Filter=weight, Bias=b.weight(6))


def vector(b: TestGraphs) -> Value:
    return b.positive(6, 1, 1)


def scalar(b: TestGraphs) -> Value:
    return b.positive()


@pytest.mark.parametrize("operand", [vector, scalar])
@pytest.mark.parametrize("op_type", ARITHMETIC)
def test_folds_arithmetic_with_channels_and_scalars(
    b: TestGraphs, op_type: Callable[[], Operation], operand: Callable[[TestGraphs], Value]
) -> None:
    graph = b.build(b.add(op_type(), X=conv(b), Y=operand(b)))
    assert_rewrites(FuseConvAffine(), graph, 1)
    assert ops(graph) == [Conv2D]


@pytest.mark.parametrize("op_type", [ElementwiseAdd, ElementwiseSub, ElementwiseMul])
def test_folds_arithmetic_with_the_constant_in_front(
    b: TestGraphs, op_type: Callable[[], Operation]
) -> None:
    graph = b.build(b.add(op_type(), X=vector(b), Y=conv(b)))
    assert_rewrites(FuseConvAffine(), graph, 1)
    assert ops(graph) == [Conv2D]


def test_keeps_a_constant_that_the_output_divides(b: TestGraphs) -> None:
    graph = b.build(b.add(ElementwiseDiv(), X=vector(b), Y=conv(b)))
    assert_rewrites(FuseConvAffine(), graph, 0)


def test_folds_vectors_at_paddles_axis(b: TestGraphs) -> None:
    graph = b.build(b.add(ElementwiseAdd(axis=1), X=conv(b), Y=b.positive(6)))
    assert_rewrites(FuseConvAffine(), graph, 1)


@pytest.mark.parametrize("after", [True, False])
def test_folds_scale(b: TestGraphs, after: bool) -> None:
    graph = b.build(b.add(Scale(scale=1.7, bias=0.4, bias_after_scale=after), X=conv(b)))
    assert_rewrites(FuseConvAffine(), graph, 1)
    assert ops(graph) == [Conv2D]


def test_folds_a_chain(b: TestGraphs) -> None:
    y = b.add(ElementwiseMul(), X=conv(b), Y=vector(b))
    y = b.add(ElementwiseAdd(), X=vector(b), Y=y)
    graph = b.build(b.add(ElementwiseSub(), X=scalar(b), Y=y))
    assert_rewrites(FuseConvAffine(), graph, 3)
    assert ops(graph) == [Conv2D]


def test_folds_a_batch_norm_behind_a_bias(b: TestGraphs) -> None:
    y = b.add(ElementwiseAdd(), X=conv(b), Y=vector(b))
    parameters = {slot: b.weight(6) for slot in ("Scale", "Bias", "Mean")}
    graph = b.build(b.add(BatchNorm(), X=y, **parameters, Variance=b.positive(6)))
    assert_rewrites(FuseConvAffine(), graph, 2)
    assert ops(graph) == [Conv2D]


def test_an_addition_becomes_the_bias_and_leaves_the_filter(b: TestGraphs) -> None:
    weight = b.weight(6, 4, 3, 3)
    x = b.input(2, 4, 7, 7)
    sums = [
        b.add(ElementwiseAdd(), X=b.add(Conv2D(), Input=x, Filter=weight), Y=vector(b))
        for _ in range(2)
    ]
    graph = b.build(*sums)
    assert_rewrites(FuseConvAffine(), graph, 2)
    assert [node.input("Filter") for node in graph.nodes] == [weight, weight]


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (DepthwiseConv2D(groups=4), (4, 1, 3, 3)),
        (Conv2DTranspose(groups=2), (4, 2, 3, 3)),
    ],
    ids=str,
)
def test_folds_into_layers_of_groups(
    b: TestGraphs, op: Conv2D | Conv2DTranspose, shape: tuple[int, ...]
) -> None:
    y = b.add(op, Input=b.input(2, 4, 7, 7), Filter=b.weight(*shape))
    graph = b.build(b.add(ElementwiseMul(), X=y, Y=b.positive(4, 1, 1)))
    assert_rewrites(FuseConvAffine(), graph, 1)


@pytest.mark.parametrize("shape", [(5,), (5, 5), (6, 5, 5), (2, 1, 1, 1), (1, 1, 6, 1, 1)], ids=str)
def test_keeps_constants_that_do_not_lie_along_the_channels(
    b: TestGraphs, shape: tuple[int, ...]
) -> None:
    graph = b.build(b.add(ElementwiseMul(), X=conv(b), Y=b.weight(*shape)))
    assert_rewrites(FuseConvAffine(), graph, 0)


def test_keeps_a_constant_that_makes_one_channel_many(b: TestGraphs) -> None:
    y = b.add(Conv2D(), Input=b.input(2, 4, 7, 7), Filter=b.weight(1, 4, 3, 3))
    assert_rewrites(FuseConvAffine(), b.build(b.add(ElementwiseMul(), X=y, Y=vector(b))), 0)


def test_keeps_a_sum_of_two_computed_values(b: TestGraphs) -> None:
    y = conv(b)
    assert_rewrites(FuseConvAffine(), b.build(b.add(ElementwiseAdd(), X=y, Y=y)), 0)


def test_keeps_convolution_that_is_an_output(b: TestGraphs) -> None:
    y = conv(b)
    assert_rewrites(FuseConvAffine(), b.build(y, b.add(ElementwiseMul(), X=y, Y=vector(b))), 0)


def test_keeps_what_follows_an_activation(b: TestGraphs) -> None:
    y = conv(b, Conv2D(activation=Relu()))
    assert_rewrites(FuseConvAffine(), b.build(b.add(ElementwiseMul(), X=y, Y=vector(b))), 0)


def test_keeps_a_division_by_zero(b: TestGraphs) -> None:
    zero = b.constant(np.zeros(1, np.float32))
    graph = b.build(b.add(ElementwiseDiv(), X=conv(b), Y=zero))
    assert FuseConvAffine().run(graph).changes == 0


@pytest.mark.parametrize("shape", [(), (5,)], ids=str)
def test_keeps_arithmetic_on_tensors_that_have_no_channels(
    b: TestGraphs, shape: tuple[int, ...]
) -> None:
    graph = b.build(b.add(ElementwiseMul(), X=b.input(*shape), Y=scalar(b)))
    assert_rewrites(FuseConvAffine(), graph, 0)
