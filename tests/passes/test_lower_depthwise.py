from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir import Dim, Graph
from opt_tool.ir.operations.activation import Relu6
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D, Pads
from opt_tool.passes.lower_depthwise import LowerDepthwise

C = 4


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def depthwise(
    b: TestGraphs, height: Dim, width: Dim, stride: int, paddings: Pads, kernel: int = 3
) -> Graph:
    op = DepthwiseConv2D(
        groups=C, strides=(stride, stride), paddings=paddings, activation=Relu6(threshold=2.0)
    )
    x, weight = b.input(2, C, height, width), b.weight(C, 1, kernel, kernel)
    return b.build(b.add(op, Input=x, Filter=weight, Bias=b.weight(C)))


@pytest.mark.parametrize("right", [0, 1])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (6, 6), (14, 8), (8, 3)], ids=str)
def test_widens_filters_of_stride_2(b: TestGraphs, height: int, width: int, right: int) -> None:
    graph = depthwise(b, height, width, 2, (0, 1, 0, right))
    assert_rewrites(LowerDepthwise(), graph, 1)
    (node,) = graph.nodes
    assert node.input("Filter").shape == (C, 1, 5, 5)
    assert isinstance(node.op, DepthwiseConv2D)
    assert node.op.paddings == (2, 1, 2, right)  # those that the kernel for 5x5 is made for


@pytest.mark.parametrize("bottom", [0, 1])
def test_widens_filters_of_stride_1(b: TestGraphs, bottom: int) -> None:
    assert_rewrites(LowerDepthwise(), depthwise(b, 7, 5, 1, (1, bottom, 1, 0)), 1)


@pytest.mark.parametrize(("stride", "paddings"), [(2, (0, 1, 0, 1)), (1, (1, 0, 1, 0))], ids=str)
def test_widens_where_the_size_is_open(b: TestGraphs, stride: int, paddings: Pads) -> None:
    graph = depthwise(b, "height", "width", stride, paddings)
    assert LowerDepthwise().run(graph).changes == 1


def test_widens_what_the_kernels_take_for_a_depthwise_convolution(b: TestGraphs) -> None:
    op = Conv2D(groups=C, strides=(2, 2), paddings=(0, 1, 0, 1))
    graph = b.build(b.add(op, Input=b.input(2, C, 6, 6), Filter=b.weight(C, 1, 3, 3)))
    assert_rewrites(LowerDepthwise(), graph, 1)


@pytest.mark.parametrize(
    ("height", "width", "stride", "paddings"),
    [
        (6, 9, 2, (0, 1, 0, 1)),
        (7, 6, 2, (0, 1, 0, 1)),
        (6, 6, 2, (1, 1, 1, 1)),
        (6, 6, 2, (0, 0, 0, 1)),
        (6, 6, 2, (0, 2, 0, 2)),
        (6, 6, 1, (1, 0, 1, 0)),
        (5, 5, 1, (1, 1, 1, 1)),
        (5, 5, 1, (0, 1, 0, 1)),
    ],
    ids=str,
)
def test_keeps_what_the_kernel_computes(
    b: TestGraphs, height: int, width: int, stride: int, paddings: Pads
) -> None:
    assert_rewrites(LowerDepthwise(), depthwise(b, height, width, stride, paddings), 0)


def test_keeps_other_filters(b: TestGraphs) -> None:
    assert_rewrites(LowerDepthwise(), depthwise(b, 6, 6, 2, (0, 1, 0, 1), kernel=2), 0)


def test_keeps_convolutions_of_several_channels(b: TestGraphs) -> None:
    op = Conv2D(strides=(2, 2), paddings=(0, 1, 0, 1))
    graph = b.build(b.add(op, Input=b.input(2, C, 6, 6), Filter=b.weight(C, C, 3, 3)))
    assert_rewrites(LowerDepthwise(), graph, 0)
