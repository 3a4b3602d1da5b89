from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.fuse_conv_batch_norm import FuseConvBatchNorm

LAYERS = [
    (Conv2D(paddings=(1, 1, 1, 1)), (6, 4, 3, 3)),
    (Conv2D(groups=2), (6, 2, 3, 3)),
    (DepthwiseConv2D(groups=4), (4, 1, 3, 3)),
    (DepthwiseConv2D(groups=4), (8, 1, 3, 3)),
    (Conv2DTranspose(strides=(2, 2)), (4, 6, 3, 3)),
    (Conv2DTranspose(strides=(2, 2), groups=2), (4, 3, 3, 3)),
]


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def batch_norm(b: TestGraphs, x: Value, variance: Value | None = None) -> Value:
    channels = x.shape[1]
    assert isinstance(channels, int)
    return b.add(
        BatchNorm(epsilon=1e-3),
        X=x,
        Scale=b.weight(channels),
        Bias=b.weight(channels),
        Mean=b.weight(channels),
        Variance=variance or b.positive(channels),
    )


def conv(b: TestGraphs, op: Conv2D | None = None, weight: Value | None = None) -> Value:
    return b.add(
        Conv2D() if op is None else op,
        Input=b.input(2, 4, 7, 6),
        Filter=weight or b.weight(6, 4, 3, 3),
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("op", "shape"), LAYERS, ids=str)
def test_folds_batch_norm_into_convolution(
    b: TestGraphs, op: Conv2D | Conv2DTranspose, shape: tuple[int, ...], bias: bool
) -> None:
    channels = shape[1] * op.groups if isinstance(op, Conv2DTranspose) else shape[0]
    y = b.add(
        op,
        Input=b.input(2, 4, 7, 6),
        Filter=b.weight(*shape),
        Bias=b.weight(channels) if bias else None,
    )
    graph = b.build(batch_norm(b, y))
    assert_rewrites(FuseConvBatchNorm(), graph, 1)
    assert ops(graph) == [type(op)]
    assert len(graph.constants) == 2


def test_folds_one_batch_norm_after_another(b: TestGraphs) -> None:
    graph = b.build(b.add(Relu(), X=batch_norm(b, batch_norm(b, conv(b)))))
    assert_rewrites(FuseConvBatchNorm(), graph, 2)
    assert ops(graph) == [Conv2D, Relu]


def test_keeps_convolution_that_is_an_output(b: TestGraphs) -> None:
    y = conv(b)
    assert_rewrites(FuseConvBatchNorm(), b.build(y, batch_norm(b, y)), 0)


def test_keeps_convolution_that_two_nodes_read(b: TestGraphs) -> None:
    y = conv(b)
    assert_rewrites(FuseConvBatchNorm(), b.build(b.add(Relu(), X=y), batch_norm(b, y)), 0)


def test_keeps_batch_norm_after_an_activation(b: TestGraphs) -> None:
    assert_rewrites(
        FuseConvBatchNorm(), b.build(batch_norm(b, conv(b, Conv2D(activation=Relu())))), 0
    )


def test_keeps_batch_norm_with_no_convolution_before_it(b: TestGraphs) -> None:
    graph = b.build(batch_norm(b, b.input(2, 4, 7, 6)))
    assert_rewrites(FuseConvBatchNorm(), graph, 0)
    assert ops(graph) == [BatchNorm]


def test_keeps_parameters_that_are_computed(b: TestGraphs) -> None:
    computed = b.add(Relu(), X=b.input(6, name="variance"))
    assert_rewrites(FuseConvBatchNorm(), b.build(batch_norm(b, conv(b), computed)), 0)


def test_keeps_filters_that_are_computed(b: TestGraphs) -> None:
    computed = b.add(Relu(), X=b.input(6, 4, 3, 3, name="filter"))
    assert_rewrites(FuseConvBatchNorm(), b.build(batch_norm(b, conv(b, weight=computed))), 0)


def test_keeps_a_filter_that_two_convolutions_share(b: TestGraphs) -> None:
    weight = b.weight(6, 4, 3, 3)
    graph = b.build(batch_norm(b, conv(b, weight=weight)), batch_norm(b, conv(b, weight=weight)))
    assert_rewrites(FuseConvBatchNorm(), graph, 0)


def test_says_why_it_left_one_alone(b: TestGraphs) -> None:
    y = conv(b)
    report = FuseConvBatchNorm().run(b.build(y, batch_norm(b, y)))
    assert report.kept == (("batch_norm", "'conv2d' is read by something else too"),)
