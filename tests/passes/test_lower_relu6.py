from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir.operations.activation import Relu6
from opt_tool.ir.operations.elementwise import Clip
from opt_tool.passes.lower_relu6 import LowerRelu6


@pytest.mark.parametrize(("threshold", "count"), [(1.0, 1), (6.0, 0)])
def test_writes_other_thresholds_than_6_as_clip(threshold: float, count: int) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu6(threshold), X=b.input(3, 4)))
    assert_rewrites(LowerRelu6(), graph, count)
    (node,) = graph.nodes
    assert node.op == (Clip(min=0.0, max=threshold) if count else Relu6(threshold))
