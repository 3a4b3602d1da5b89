from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.add_fc_bias import AddFcBias


@pytest.mark.parametrize("activation", [Relu(), Relu6()], ids=repr)
def test_adds_zeros_where_an_activation_has_no_bias(activation: Relu | Relu6) -> None:
    b = TestGraphs()
    y = b.add(Fc(activation=activation), Input=b.input(3, 4), W=b.weight(4, 5))
    graph = b.build(y)
    assert_rewrites(AddFcBias(), graph, 1)
    (fc,) = graph.nodes
    assert fc.input("Bias").array().tolist() == [0] * 5


def test_keeps_fc_without_activation() -> None:
    b = TestGraphs()
    assert_rewrites(AddFcBias(), b.build(b.add(Fc(), Input=b.input(3, 4), W=b.weight(4, 5))), 0)


def test_keeps_a_bias_that_is_there() -> None:
    b = TestGraphs()
    y = b.add(Fc(activation=Relu()), Input=b.input(3, 4), W=b.weight(4, 5), Bias=b.weight(5))
    assert_rewrites(AddFcBias(), b.build(y), 0)
