from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwisePow,
    ElementwiseSub,
    Pow,
    Reciprocal,
    Rsqrt,
    Scale,
    Sqrt,
    Square,
)
from opt_tool.ir.operations.normalization import LayerNorm
from opt_tool.ir.operations.reduction import ReduceMean
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.recognise_layer_norm import RecogniseLayerNorm
from opt_tool.targets import LiteVersion, Target

EPSILON = 0.01


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def number(b: TestGraphs, value: float) -> Value:
    return b.constant(np.array(value, np.float32), "number")


SQUARES: dict[str, Callable[[TestGraphs, Value], Value]] = {
    "square": lambda b, d: b.add(Square(), X=d),
    "product": lambda b, d: b.add(ElementwiseMul(), X=d, Y=d),
    "pow": lambda b, d: b.add(Pow(factor=2.0), X=d),
    "elementwise_pow": lambda b, d: b.add(ElementwisePow(), X=d, Y=number(b, 2)),
}
QUOTIENTS: dict[str, Callable[[TestGraphs, Value, Value], Value]] = {
    "sqrt": lambda b, d, v: b.add(ElementwiseDiv(), X=d, Y=b.add(Sqrt(), X=v)),
    "rsqrt": lambda b, d, v: b.add(ElementwiseMul(), X=d, Y=b.add(Rsqrt(), X=v)),
    "rsqrt first": lambda b, d, v: b.add(ElementwiseMul(), X=b.add(Rsqrt(), X=v), Y=d),
    "reciprocal": lambda b, d, v: b.add(
        ElementwiseMul(), X=d, Y=b.add(Reciprocal(), X=b.add(Sqrt(), X=v))
    ),
}


def mean(b: TestGraphs, x: Value, *axes: int) -> Value:
    return b.add(ReduceMean(dim=axes, keep_dim=True), X=x)


def normalized(
    b: TestGraphs,
    x: Value,
    *axes: int,
    square: str = "square",
    quotient: str = "sqrt",
    epsilon: Value | None = None,
) -> Value:
    difference = b.add(ElementwiseSub(), X=x, Y=mean(b, x, *axes))
    variance = mean(b, SQUARES[square](b, difference), *axes)
    epsilon = epsilon or number(b, EPSILON)
    return QUOTIENTS[quotient](b, difference, b.add(ElementwiseAdd(), X=variance, Y=epsilon))


@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("quotient", QUOTIENTS)
def test_recognises_every_spelling(b: TestGraphs, square: str, quotient: str) -> None:
    graph = b.build(normalized(b, b.input(2, 3, 8), -1, square=square, quotient=quotient))
    assert_rewrites(RecogniseLayerNorm(), graph, 1)
    (node,) = graph.nodes
    assert isinstance(node.op, LayerNorm)
    assert node.op.begin_norm_axis == 2
    assert node.op.epsilon == pytest.approx(EPSILON)
    np.testing.assert_array_equal(node.input("Scale").array(), np.ones(8))
    np.testing.assert_array_equal(node.input("Bias").array(), np.zeros(8))


def test_takes_the_scale_and_the_shift_behind_it(b: TestGraphs) -> None:
    y = b.add(ElementwiseMul(), X=b.weight(8), Y=normalized(b, b.input(2, 3, 8), -1))
    graph = b.build(b.add(ElementwiseAdd(), X=y, Y=b.weight(8)))
    assert_rewrites(RecogniseLayerNorm(), graph, 3)
    assert ops(graph) == [LayerNorm]


def test_takes_parameters_of_several_dimensions_and_of_one_element(b: TestGraphs) -> None:
    y = normalized(b, b.input(2, 3, 4, 5), 3, 2)
    y = b.add(ElementwiseAdd(), X=y, Y=b.weight(4, 1))
    y = b.add(ElementwiseMul(), X=y, Y=number(b, 3))
    y = b.add(ElementwiseAdd(), X=y, Y=b.weight(1, 1, 4, 5))
    graph = b.build(y)
    assert_rewrites(RecogniseLayerNorm(), graph, 4)
    assert ops(graph) == [LayerNorm]


def test_takes_a_mean_and_a_difference_that_are_computed_twice(b: TestGraphs) -> None:
    x = b.input(2, 3, 8)
    first, second = (b.add(ElementwiseSub(), X=x, Y=mean(b, x, 2)) for _ in range(2))
    variance = mean(b, b.add(Square(), X=second), 2)
    root = b.add(Sqrt(), X=b.add(Scale(bias=EPSILON), X=variance))
    graph = b.build(b.add(ElementwiseDiv(), X=first, Y=root))
    assert_rewrites(RecogniseLayerNorm(), graph, 1)
    assert ops(graph) == [LayerNorm]


def test_leaves_a_scale_for_other_dimensions(b: TestGraphs) -> None:
    y = normalized(b, b.input(2, 3, 8), -1)
    graph = b.build(b.add(ElementwiseMul(), X=y, Y=b.weight(3, 1)))
    assert_rewrites(RecogniseLayerNorm(), graph, 1)
    assert ops(graph) == [LayerNorm, ElementwiseMul]


def test_leaves_a_scale_at_another_axis(b: TestGraphs) -> None:
    y = normalized(b, b.input(2, 8, 8), -1)
    graph = b.build(b.add(ElementwiseMul(axis=1), X=y, Y=b.weight(8)))
    assert_rewrites(RecogniseLayerNorm(), graph, 1)
    assert ops(graph) == [LayerNorm, ElementwiseMul]


@pytest.mark.parametrize("axes", [(1,), (0, 1, 2), (0, 2)])
def test_keeps_what_does_not_normalize_the_last_dimensions(
    b: TestGraphs, axes: tuple[int, ...]
) -> None:
    graph = b.build(normalized(b, b.input(2, 3, 8), *axes))
    assert_rewrites(RecogniseLayerNorm(), graph, 0)


def test_keeps_an_epsilon_that_is_computed(b: TestGraphs) -> None:
    epsilon = b.add(Square(), X=b.input(1))
    graph = b.build(normalized(b, b.input(2, 3, 8), -1, epsilon=epsilon))
    assert_rewrites(RecogniseLayerNorm(), graph, 0)


def test_keeps_a_mean_over_other_axes_than_those_of_the_variance(b: TestGraphs) -> None:
    x = b.input(2, 3, 8)
    difference = b.add(ElementwiseSub(), X=x, Y=mean(b, x, 1, 2))
    variance = b.add(Scale(bias=EPSILON), X=mean(b, b.add(Square(), X=difference), 2))
    graph = b.build(b.add(ElementwiseDiv(), X=difference, Y=b.add(Sqrt(), X=variance)))
    assert_rewrites(RecogniseLayerNorm(), graph, 0)


def test_keeps_the_deviation_of_another_value(b: TestGraphs) -> None:
    x, other = b.input(2, 3, 8), b.input(2, 3, 8)
    first, second = (b.add(ElementwiseSub(), X=v, Y=mean(b, v, 2)) for v in (x, other))
    variance = b.add(Scale(bias=EPSILON), X=mean(b, b.add(Square(), X=second), 2))
    graph = b.build(b.add(ElementwiseDiv(), X=first, Y=b.add(Sqrt(), X=variance)))
    assert_rewrites(RecogniseLayerNorm(), graph, 0)


@pytest.mark.parametrize("part", [ReduceMean, ElementwiseSub, Square, ElementwiseAdd, Sqrt])
@pytest.mark.parametrize("how", ["output", "read"])
def test_keeps_parts_that_something_else_reads(b: TestGraphs, part: type, how: str) -> None:
    y = normalized(b, b.input(2, 3, 8), -1)
    value = next(node for node in b.graph.nodes if isinstance(node.op, part)).output
    other = value if how == "output" else b.add(Scale(scale=2.0), X=value)
    assert_rewrites(RecogniseLayerNorm(), b.build(y, other), 0)


def test_keeps_a_normalization_of_a_size_that_is_not_known(b: TestGraphs) -> None:
    graph = b.build(normalized(b, b.input(2, 3, "size"), -1))
    assert_rewrites(RecogniseLayerNorm(), graph, 0)


@pytest.mark.parametrize("target", list(Target))
def test_the_pipeline_leaves_one_operation(b: TestGraphs, target: Target) -> None:
    y = b.add(ElementwiseMul(), X=normalized(b, b.input("n", 3, 8), -1), Y=b.weight(8))
    graph = b.build(b.add(ElementwiseAdd(), X=b.weight(8), Y=y))
    run_passes(graph, passes_for(target, LiteVersion.V2_13))
    assert ops(graph) == [LayerNorm]
