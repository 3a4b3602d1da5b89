from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import ShuffleChannel
from opt_tool.passes.delay_shuffle import DelayShuffle

HALVED = DepthwiseConv2D(strides=(2, 2), groups=6)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def shuffled(b: TestGraphs, group: int = 2) -> Value:
    return b.add(ShuffleChannel(group=group), X=b.input(2, 6, 7, 9))


def conv(
    b: TestGraphs, x: Value, op: Operation = HALVED, *, channels: int = 6, bias: bool = True
) -> Value:
    return b.add(
        op,
        Input=x,
        Filter=b.weight(channels, 6 // op.groups if type(op) is Conv2D else 1, 3, 3),
        Bias=b.weight(channels) if bias else None,
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("group", [2, 3])
def test_moves_a_shuffle_behind_a_convolution_with_strides(
    b: TestGraphs, group: int, bias: bool
) -> None:
    graph = b.build(conv(b, shuffled(b, group), bias=bias))
    assert_rewrites(DelayShuffle(), graph, 1)
    assert ops(graph) == [DepthwiseConv2D, ShuffleChannel]


def test_moves_it_behind_the_activation_and_keeps_the_name(b: TestGraphs) -> None:
    op = DepthwiseConv2D(strides=(1, 2), groups=6, activation=Relu())
    graph = b.build(b.add(Tanh(), X=conv(b, shuffled(b), op)))
    name = next(iter(graph.nodes)).output.users[0].output.name
    assert_rewrites(DelayShuffle(), graph, 1)
    assert [node.output.name for node in graph.nodes][1] == name


def test_keeps_a_shuffle_in_front_of_planes_that_stay_as_large(b: TestGraphs) -> None:
    op = DepthwiseConv2D(groups=6, paddings=(1, 1, 1, 1))
    assert_rewrites(DelayShuffle(), b.build(conv(b, shuffled(b), op)), 0)


def test_keeps_a_shuffle_in_front_of_filters_that_see_all_channels(b: TestGraphs) -> None:
    graph = b.build(conv(b, shuffled(b), Conv2D(strides=(2, 2), groups=1)))
    assert_rewrites(DelayShuffle(), graph, 0)


def test_keeps_a_shuffle_that_something_else_reads(b: TestGraphs) -> None:
    x = shuffled(b)
    assert_rewrites(DelayShuffle(), b.build(conv(b, x), b.add(Tanh(), X=x)), 0)


def test_keeps_a_shuffle_that_is_an_output(b: TestGraphs) -> None:
    x = shuffled(b)
    assert_rewrites(DelayShuffle(), b.build(conv(b, x), x), 0)


def test_keeps_a_convolution_that_makes_two_channels_of_one(b: TestGraphs) -> None:
    assert_rewrites(DelayShuffle(), b.build(conv(b, shuffled(b), channels=12)), 0)


def test_keeps_a_filter_that_is_computed(b: TestGraphs) -> None:
    weight = b.add(Tanh(), X=b.input(6, 1, 3, 3, name="w"))
    graph = b.build(b.add(HALVED, Input=shuffled(b), Filter=weight))
    assert_rewrites(DelayShuffle(), graph, 0)


def test_other_readers_of_a_filter_keep_it(b: TestGraphs) -> None:
    weight = b.weight(6, 1, 3, 3)
    other = b.add(HALVED, Input=b.input(2, 6, 7, 9, name="z"), Filter=weight)
    graph = b.build(b.add(HALVED, Input=shuffled(b), Filter=weight), other)
    assert_rewrites(DelayShuffle(), graph, 1)
