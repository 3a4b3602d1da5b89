from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_computes_the_same, assert_rewrites, ops
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.activation import HardSigmoid, Relu, Relu6, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.passes.lower_hard_sigmoid import LowerHardSigmoid
from opt_tool.passes.pipeline import fusing_passes, run_passes
from opt_tool.targets import LiteVersion, Target

GATE = HardSigmoid(slope=0.3, offset=0.4)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(b: TestGraphs, op: Conv2D | None = None, weight: Value | None = None) -> Value:
    weight = weight or b.weight(6, 4, 3, 3)
    return b.add(op or Conv2D(), Input=b.input(1, 4, 5, 5), Filter=weight)


@pytest.mark.parametrize("target", list(Target))
def test_writes_a_line_and_a_clamp_behind_a_convolution(b: TestGraphs, target: Target) -> None:
    graph = b.build(b.add(GATE, X=conv(b)))
    assert_rewrites(LowerHardSigmoid(target), graph, 1)
    assert [node.op for node in graph.nodes][1:] == [Scale(scale=0.3, bias=0.4), Relu6(1.0)]


@pytest.mark.parametrize("target", list(Target))
def test_the_convolution_takes_both(b: TestGraphs, target: Target) -> None:
    graph = b.build(b.add(GATE, X=conv(b)))

    def fuse(each: Graph) -> None:
        run_passes(each, fusing_passes(target, LiteVersion.V2_13))

    assert_computes_the_same(fuse, graph)
    assert ops(graph) == [Conv2D]


def test_writes_it_everywhere_on_x86(b: TestGraphs) -> None:
    assert_rewrites(LowerHardSigmoid(Target.X86), b.build(b.add(GATE, X=b.input(2, 8))), 1)


def test_keeps_it_on_arm_where_nothing_folds(b: TestGraphs) -> None:
    y = conv(b)
    graph = b.build(
        b.add(GATE, X=b.input(2, 8)),
        b.add(GATE, X=conv(b, Conv2D(activation=Relu()))),
        b.add(GATE, X=conv(b, weight=b.add(Tanh(), X=b.input(6, 4, 3, 3)))),
        b.add(GATE, X=y),
        b.add(Tanh(), X=y),
    )
    assert_rewrites(LowerHardSigmoid(Target.ARM), graph, 0)


def test_keeps_it_on_arm_behind_a_filter_that_is_shared(b: TestGraphs) -> None:
    weight = b.weight(6, 4, 3, 3)
    graph = b.build(*(b.add(GATE, X=conv(b, weight=weight)) for _ in range(2)))
    assert_rewrites(LowerHardSigmoid(Target.ARM), graph, 0)
