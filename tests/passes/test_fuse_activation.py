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
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.fuse_activation import FuseActivation
from opt_tool.targets import LiteVersion, Target

TARGETS = list(Target)
NEWEST = LiteVersion.V2_13


def activated(layer: Conv2D | Conv2DTranspose, activation: Operation, channels: int = 4) -> Graph:
    b = TestGraphs()
    weight = b.weight(4, channels // layer.groups, 3, 3)
    y = b.add(layer, Input=b.input(1, channels, 6, 6), Filter=weight, Bias=b.weight(4))
    return b.build(b.add(activation, X=y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "activation", [Relu(), Relu6(), Relu6(3.0), LeakyRelu(0.2), HardSwish()], ids=repr
)
def test_fuses_what_both_targets_honour_in_conv2d(target: Target, activation: Activation) -> None:
    graph = activated(Conv2D(), activation)
    assert_rewrites(FuseActivation(target, NEWEST), graph, 1)
    assert [node.op for node in graph.nodes] == [Conv2D(activation=activation)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", [Sigmoid(), HardSigmoid()], ids=repr)
def test_keeps_what_kernels_drop_or_abort_on(target: Target, activation: Operation) -> None:
    graph = activated(Conv2D(), activation)
    assert_rewrites(FuseActivation(target, NEWEST), graph, 0)
    assert ops(graph) == [Conv2D, type(activation)]


@pytest.mark.parametrize("layer", [DepthwiseConv2D(groups=4), Conv2D(groups=4)], ids=repr)
@pytest.mark.parametrize(
    ("target", "activation", "count"),
    [
        (Target.ARM, Relu(), 1),
        (Target.ARM, HardSwish(), 0),
        (Target.ARM, Relu6(3.0), 1),
        (Target.X86, HardSwish(), 1),
        (Target.X86, Relu6(3.0), 0),
        (Target.X86, Relu6(6.0), 1),
    ],
    ids=str,
)
def test_knows_the_limits_of_depthwise_kernels(
    layer: Conv2D, target: Target, activation: Operation, count: int
) -> None:
    assert_rewrites(FuseActivation(target, NEWEST), activated(layer, activation), count)


def test_fuses_hard_swish_into_groups_of_more_channels_on_arm() -> None:
    graph = activated(Conv2D(groups=4), HardSwish(), channels=8)
    assert_rewrites(FuseActivation(Target.ARM, NEWEST), graph, 1)


def test_keeps_hard_swish_on_a_depthwise_convolution_apart_on_arm_and_says_why() -> None:
    graph = activated(DepthwiseConv2D(groups=4), HardSwish())
    report = FuseActivation(Target.ARM, NEWEST).run(graph)
    assert [reason for _, reason in report.kept] == [
        "depthwise convolution cannot apply hard_swish on arm"
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_fuses_into_transposed_convolutions_without_hard_swish(target: Target) -> None:
    assert_rewrites(FuseActivation(target, NEWEST), activated(Conv2DTranspose(), LeakyRelu(0.2)), 1)
    assert_rewrites(FuseActivation(target, NEWEST), activated(Conv2DTranspose(), HardSwish()), 0)


@pytest.mark.parametrize(
    ("target", "activation", "count"),
    [
        (Target.ARM, Relu(), 1),
        (Target.ARM, Relu6(), 1),
        (Target.ARM, LeakyRelu(), 0),
        (Target.X86, Relu(), 1),
        (Target.X86, Relu6(), 0),
    ],
    ids=str,
)
def test_fuses_into_fc_what_the_target_honours(
    target: Target, activation: Operation, count: int
) -> None:
    b = TestGraphs()
    y = b.add(Fc(), Input=b.input(3, 4), W=b.weight(4, 5))
    assert_rewrites(FuseActivation(target, NEWEST), b.build(b.add(activation, X=y)), count)


@pytest.mark.parametrize(("version", "count"), [(LiteVersion.V2_10, 0), (LiteVersion.V2_11, 1)])
def test_knows_since_when_a_kernel_honours_it(version: LiteVersion, count: int) -> None:
    b = TestGraphs()
    y = b.add(Fc(), Input=b.input(3, 4), W=b.weight(4, 5))
    graph = b.build(b.add(Relu6(), X=y))
    assert_rewrites(FuseActivation(Target.ARM, version), graph, count)
    graph = activated(Conv2D(), HardSwish())
    assert_rewrites(FuseActivation(Target.X86, version), graph, count)


def test_fuses_one_activation_only() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    graph = b.build(b.add(Relu6(), X=b.add(LeakyRelu(), X=y)))
    assert_rewrites(FuseActivation(Target.ARM, NEWEST), graph, 1)
    assert ops(graph) == [Conv2D, Relu6]


def test_keeps_a_convolution_that_is_an_output() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    assert_rewrites(FuseActivation(Target.ARM, NEWEST), b.build(y, b.add(Relu(), X=y)), 0)


def test_keeps_a_convolution_that_two_nodes_read() -> None:
    b = TestGraphs()
    y = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    assert_rewrites(
        FuseActivation(Target.ARM, NEWEST), b.build(b.add(Relu(), X=y), b.add(Sigmoid(), X=y)), 0
    )
