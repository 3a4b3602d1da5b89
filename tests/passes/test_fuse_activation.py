from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Graph, Operation
from opt_tool.ir.operations.activation import (
    Activation,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Relu,
    Relu6,
    Sigmoid,
)
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.passes.fuse_activation import FuseActivation

TARGETS = ["arm", "x86"]


def activated(layer: Conv2D | Conv2DTranspose, activation: Operation, channels: int = 4) -> Graph:
    b = TestGraphs()
    weight = b.weight(4, 4 // layer.groups, 3, 3)
    y = b.add(layer, Input=b.input(1, channels, 6, 6), Filter=weight, Bias=b.weight(4))
    return b.build(b.add(activation, X=y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "activation", [Relu(), Relu6(), Relu6(3.0), LeakyRelu(0.2), HardSwish()], ids=repr
)
def test_fuses_what_both_targets_honour_in_conv2d(target: str, activation: Activation) -> None:
    graph = activated(Conv2D(), activation)
    assert_rewrites(FuseActivation(target), graph, 1)
    assert [node.op for node in graph.nodes] == [Conv2D(activation=activation)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", [Sigmoid(), HardSigmoid()], ids=repr)
def test_keeps_what_kernels_drop_or_abort_on(target: str, activation: Operation) -> None:
    graph = activated(Conv2D(), activation)
    assert_rewrites(FuseActivation(target), graph, 0)
    assert ops(graph) == [Conv2D, type(activation)]


@pytest.mark.parametrize("layer", [DepthwiseConv2D(groups=4), Conv2D(groups=4)], ids=repr)
@pytest.mark.parametrize(
    ("target", "activation", "count"),
    [
        ("arm", Relu(), 1),
        ("arm", HardSwish(), 0),
        ("arm", Relu6(3.0), 1),
        ("x86", HardSwish(), 1),
        ("x86", Relu6(3.0), 0),
        ("x86", Relu6(6.0), 1),
    ],
    ids=str,
)
def test_knows_the_limits_of_depthwise_kernels(
    layer: Conv2D, target: str, activation: Operation, count: int
) -> None:
    assert_rewrites(FuseActivation(target), activated(layer, activation), count)


def test_keeps_hard_swish_on_a_depthwise_convolution_apart_on_arm_and_says_why() -> None:
    graph = activated(DepthwiseConv2D(groups=4), HardSwish())
    report = FuseActivation("arm").run(graph)
    assert [reason for _, reason in report.kept] == [
        "depthwise convolution cannot apply hard_swish on arm"
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_fuses_into_transposed_convolutions_without_hard_swish(target: str) -> None:
    assert_rewrites(FuseActivation(target), activated(Conv2DTranspose(), LeakyRelu(0.2)), 1)
    assert_rewrites(FuseActivation(target), activated(Conv2DTranspose(), HardSwish()), 0)


def test_fuses_one_activation_only() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    graph = b.build(b.add(Relu6(), X=b.add(LeakyRelu(), X=y)))
    assert_rewrites(FuseActivation("arm"), graph, 1)
    assert ops(graph) == [Conv2D, Relu6]


def test_keeps_a_convolution_that_is_an_output() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    assert_rewrites(FuseActivation("arm"), b.build(y, b.add(Relu(), X=y)), 0)


def test_keeps_a_convolution_that_two_nodes_read() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    assert_rewrites(FuseActivation("arm"), b.build(b.add(Relu(), X=y), b.add(Sigmoid(), X=y)), 0)
