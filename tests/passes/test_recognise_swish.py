from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir.operations.activation import Sigmoid, Swish, Tanh
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.passes.recognise_swish import RecogniseSwish


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.mark.parametrize("swap", [True, False])
def test_joins_x_and_its_sigmoid(b: TestGraphs, swap: bool) -> None:
    x = b.input(4, 16)
    y, z = b.add(Sigmoid(), X=x), x
    graph = b.build(b.add(ElementwiseMul(), X=z if swap else y, Y=y if swap else z))
    assert_rewrites(RecogniseSwish(), graph, 1)
    assert [node.op for node in graph.nodes] == [Swish()]


def test_takes_the_factor_inside_the_sigmoid(b: TestGraphs) -> None:
    x = b.input(4, 16)
    y = b.add(Sigmoid(), X=b.add(Scale(scale=1.5), X=x))
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=y))
    assert_rewrites(RecogniseSwish(), graph, 1)
    assert [node.op for node in graph.nodes] == [Swish(beta=1.5)]


def test_keeps_the_sigmoid_of_another_value_and_of_a_sum(b: TestGraphs) -> None:
    x = b.input(4, 16)
    other = b.add(Sigmoid(), X=b.add(Tanh(), X=x))
    shifted = b.add(Sigmoid(), X=b.add(Scale(bias=1.0), X=x))
    graph = b.build(*(b.add(ElementwiseMul(), X=x, Y=y) for y in (other, shifted)))
    assert_rewrites(RecogniseSwish(), graph, 0)


def test_keeps_a_sigmoid_that_something_else_reads(b: TestGraphs) -> None:
    x = b.input(4, 16)
    y = b.add(Sigmoid(), X=x)
    assert_rewrites(RecogniseSwish(), b.build(y, b.add(ElementwiseMul(), X=x, Y=y)), 0)
