from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.fuse_conv_batch_norm import FuseConvBatchNorm
from opt_tool.passes.split_concat_affine import SplitConcatAffine


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def convs(b: TestGraphs) -> list[Value]:
    x = b.input(2, 3, 5, 6)
    return [
        b.add(Conv2D(), Input=x, Filter=b.weight(4, 3, 1, 1), Bias=b.weight(4)),
        b.add(Conv2DTranspose(), Input=x, Filter=b.weight(3, 2, 1, 1)),
    ]


def normalized(b: TestGraphs, x: Value) -> Value:
    parameters = {slot: b.weight(6) for slot in ("Scale", "Bias", "Mean")}
    return b.add(BatchNorm(), X=x, **parameters, Variance=b.positive(6))


def test_gives_each_convolution_its_channels(b: TestGraphs) -> None:
    graph = b.build(normalized(b, b.add(Concat(axis=1), X=convs(b))))
    assert_rewrites(SplitConcatAffine(), graph, 1)
    assert ops(graph).count(BatchNorm) == 2
    FuseConvBatchNorm().run(graph)
    assert ops(graph) == [Conv2D, Conv2DTranspose, Concat]


@pytest.mark.parametrize("shape", [(6, 1, 1), ()], ids=str)
def test_splits_arithmetic(b: TestGraphs, shape: tuple[int, ...]) -> None:
    x = b.add(Concat(axis=-3), X=convs(b))
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=b.weight(*shape)))
    assert_rewrites(SplitConcatAffine(), graph, 1)


def test_keeps_a_concat_of_something_else(b: TestGraphs) -> None:
    parts = convs(b)
    parts[0] = b.add(Relu(), X=parts[0])
    assert_rewrites(SplitConcatAffine(), b.build(normalized(b, b.add(Concat(axis=1), X=parts))), 0)


def test_keeps_a_concat_of_planes(b: TestGraphs) -> None:
    x = b.input(2, 3, 5, 6)
    parts = [b.add(Conv2D(), Input=x, Filter=b.weight(6, 3, 1, 1)) for _ in range(2)]
    assert_rewrites(SplitConcatAffine(), b.build(normalized(b, b.add(Concat(axis=2), X=parts))), 0)


@pytest.mark.parametrize("which", [0, 2])
def test_keeps_what_something_else_reads(b: TestGraphs, which: int) -> None:
    parts = convs(b)
    joined = b.add(Concat(axis=1), X=parts)
    graph = b.build(normalized(b, joined), [*parts, joined][which])
    assert_rewrites(SplitConcatAffine(), graph, 0)


def test_keeps_convolutions_that_share_a_filter(b: TestGraphs) -> None:
    weight = b.weight(3, 3, 1, 1)
    parts = [b.add(Conv2D(), Input=b.input(2, 3, 5, 6), Filter=weight) for _ in range(2)]
    assert_rewrites(SplitConcatAffine(), b.build(normalized(b, b.add(Concat(axis=1), X=parts))), 0)


def test_keeps_a_shift_by_pixel(b: TestGraphs) -> None:
    x = b.add(Concat(axis=1), X=convs(b))
    graph = b.build(b.add(ElementwiseAdd(), X=x, Y=b.weight(5, 6)))
    assert_rewrites(SplitConcatAffine(), graph, 0)
