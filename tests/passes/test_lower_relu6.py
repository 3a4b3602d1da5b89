from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.elementwise import Clip, ElementwiseMin
from opt_tool.passes.lower_relu6 import LowerRelu6
from opt_tool.targets import Library


@pytest.mark.parametrize("threshold", [0.25, 1.0])
def test_writes_other_thresholds_than_6_as_clip(threshold: float) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu6(threshold), X=b.input(3, 4)))
    assert_rewrites(LowerRelu6(), graph, 1)
    assert [node.op for node in graph.nodes] == [Clip(min=0.0, max=threshold)]


def test_writes_a_minimum_for_the_basic_build() -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu6(0.25), X=b.input(3, 4)))
    assert_rewrites(LowerRelu6(Library.BASIC), graph, 1)
    assert ops(graph) == [Relu, ElementwiseMin]


def test_keeps_the_threshold_that_kernels_take() -> None:
    b = TestGraphs()
    assert_rewrites(LowerRelu6(), b.build(b.add(Relu6(6.0), X=b.input(3, 4))), 0)
