from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir.operations.activation import HardSwish, Relu6, Swish
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.passes.lower_hard_swish import LowerHardSwish


@pytest.mark.parametrize("op", [HardSwish(), HardSwish(threshold=5.0, scale=4.0, offset=2.0)])
def test_writes_the_product_with_a_relu6(op: HardSwish) -> None:
    b = TestGraphs()
    graph = b.build(b.add(op, X=b.input(4, 16)))
    assert_rewrites(LowerHardSwish(), graph, 1)
    assert ops(graph) == [Scale, Relu6, ElementwiseMul, Scale]


def test_keeps_one_that_a_layer_applies_and_other_activations() -> None:
    b = TestGraphs()
    conv = Conv2D(activation=HardSwish())
    x = b.add(conv, Input=b.input(1, 4, 5, 5), Filter=b.weight(4, 4, 1, 1))
    assert_rewrites(LowerHardSwish(), b.build(b.add(Swish(), X=x)), 0)
