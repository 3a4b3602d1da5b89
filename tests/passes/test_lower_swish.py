from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation
from opt_tool.ir.operations.activation import HardSwish, Sigmoid, Swish
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.passes.lower_swish import LowerSwish


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (Swish(), [Sigmoid, ElementwiseMul]),
        (Swish(beta=1.7), [Scale, Sigmoid, ElementwiseMul]),
    ],
    ids=str,
)
def test_writes_the_product_with_a_sigmoid(op: Swish, expected: list[type[Operation]]) -> None:
    b = TestGraphs()
    graph = b.build(b.add(op, X=b.input(4, 16)))
    assert_rewrites(LowerSwish(), graph, 1)
    assert ops(graph) == expected


def test_keeps_other_activations() -> None:
    b = TestGraphs()
    assert_rewrites(LowerSwish(), b.build(b.add(HardSwish(), X=b.input(4, 16))), 0)
