from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.activation import LeakyRelu, PRelu, Relu
from opt_tool.ir.operations.elementwise import (
    Abs,
    ElementwiseAdd,
    ElementwiseMax,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.passes.recognise_prelu import RecognisePRelu


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def image(b: TestGraphs) -> Value:
    return b.input(2, 4, 5, 6)


def leaky(b: TestGraphs, x: Value, slope: float, *, swap: bool = False) -> Value:
    part = b.add(ElementwiseMul(), X=x, Y=b.constant(np.array(slope, np.float32)))
    return b.add(ElementwiseMax(), X=part if swap else x, Y=x if swap else part)


def negative(b: TestGraphs, x: Value, *shape: int) -> Value:
    part = b.add(Relu(), X=b.add(Scale(scale=-1.0), X=x))
    return b.add(ElementwiseMul(), X=b.positive(*shape), Y=part)


def slopes(graph: Graph) -> tuple[int, ...]:
    (node,) = (node for node in graph.nodes if isinstance(node.op, PRelu))
    return node.input("Alpha").type.static_shape


@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("slope", [0.2, 0.0, 1.0])
def test_recognises_leaky_relu(b: TestGraphs, slope: float, swap: bool) -> None:
    graph = b.build(leaky(b, image(b), slope, swap=swap))
    assert_rewrites(RecognisePRelu(), graph, 1)
    assert ops(graph) == [LeakyRelu]


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1, 1)], ids=str)
def test_recognises_prelu(b: TestGraphs, shape: tuple[int, ...], subtract: bool) -> None:
    x = image(b)
    op = ElementwiseSub() if subtract else ElementwiseAdd()
    graph = b.build(b.add(op, X=b.add(Relu(), X=x), Y=negative(b, x, *shape)))
    assert_rewrites(RecognisePRelu(), graph, 1)
    assert ops(graph) == [PRelu]
    assert slopes(graph) == (4,)


def test_recognises_prelu_by_the_magnitude(b: TestGraphs) -> None:
    x = image(b)
    part = b.add(ElementwiseSub(), X=x, Y=b.add(Abs(), X=x))
    part = b.add(Scale(scale=0.5), X=b.add(ElementwiseMul(), X=b.weight(4, 1, 1), Y=part))
    graph = b.build(b.add(ElementwiseAdd(), X=part, Y=b.add(Relu(), X=x)))
    assert_rewrites(RecognisePRelu(), graph, 1)
    assert ops(graph) == [PRelu]


def test_recognises_one_slope_for_all(b: TestGraphs) -> None:
    x = image(b)
    graph = b.build(b.add(ElementwiseSub(), X=b.add(Relu(), X=x), Y=negative(b, x, 1)))
    assert_rewrites(RecognisePRelu(), graph, 1)
    assert ops(graph) == [LeakyRelu]


@pytest.mark.parametrize("slope", [1.5, -0.5])
def test_keeps_maxima_of_larger_or_negative_parts(b: TestGraphs, slope: float) -> None:
    assert_rewrites(RecognisePRelu(), b.build(leaky(b, image(b), slope)), 0)


def test_keeps_a_maximum_with_something_else(b: TestGraphs) -> None:
    part = b.add(Scale(scale=0.2), X=image(b))
    assert_rewrites(RecognisePRelu(), b.build(b.add(ElementwiseMax(), X=image(b), Y=part)), 0)


def test_keeps_a_shifted_part(b: TestGraphs) -> None:
    x = image(b)
    part = b.add(Scale(scale=0.2, bias=0.1), X=x)
    assert_rewrites(RecognisePRelu(), b.build(b.add(ElementwiseMax(), X=x, Y=part)), 0)


def test_keeps_a_part_that_is_an_output(b: TestGraphs) -> None:
    x = image(b)
    part = b.add(Scale(scale=0.2), X=x)
    assert_rewrites(RecognisePRelu(), b.build(part, b.add(ElementwiseMax(), X=x, Y=part)), 0)


def test_keeps_the_positive_and_negative_numbers_of_two(b: TestGraphs) -> None:
    y = negative(b, image(b), 4, 1, 1)
    graph = b.build(b.add(ElementwiseSub(), X=b.add(Relu(), X=image(b)), Y=y))
    assert_rewrites(RecognisePRelu(), graph, 0)


def test_keeps_slopes_of_pixels(b: TestGraphs) -> None:
    x = image(b)
    graph = b.build(b.add(ElementwiseSub(), X=b.add(Relu(), X=x), Y=negative(b, x, 5, 6)))
    assert_rewrites(RecognisePRelu(), graph, 0)


def test_keeps_a_difference_the_other_way_round(b: TestGraphs) -> None:
    x = image(b)
    graph = b.build(b.add(ElementwiseSub(), X=negative(b, x, 4, 1, 1), Y=b.add(Relu(), X=x)))
    assert_rewrites(RecognisePRelu(), graph, 0)
