from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6, Tanh
from opt_tool.ir.operations.elementwise import Clip, ElementwiseMax, ElementwiseMin, Scale
from opt_tool.passes.recognise_clip import RecogniseClip
from opt_tool.targets import LiteVersion, Target

ARM = (Target.ARM, LiteVersion.V2_13)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def wide(b: TestGraphs) -> Value:
    """Numbers far beyond the bounds of these tests on both sides."""
    return b.add(Scale(scale=8.0), X=b.input(4, 16))


def bound(
    b: TestGraphs, op_type: type[ElementwiseMax | ElementwiseMin], x: Value, y: float
) -> Value:
    return b.add(op_type(), X=x, Y=b.constant(np.array(y, np.float32)))


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0, 6, Relu6()),
        (0, 1, Relu6(threshold=1.0)),
        (-1, 1, Clip(min=-1.0, max=1.0)),
        (2, 6, Clip(min=2.0, max=6.0)),
    ],
)
@pytest.mark.parametrize("minimum_first", [True, False])
def test_joins_a_minimum_and_a_maximum_in_both_orders(
    b: TestGraphs, lower: float, upper: float, expected: Operation, minimum_first: bool
) -> None:
    if minimum_first:
        y = bound(b, ElementwiseMax, bound(b, ElementwiseMin, wide(b), upper), lower)
    else:
        y = bound(b, ElementwiseMin, bound(b, ElementwiseMax, wide(b), lower), upper)
    graph = b.build(y)
    assert RecogniseClip(*ARM).run(graph).changes >= 1
    assert [node.op for node in graph.nodes][1:] == [expected]


@pytest.mark.parametrize(
    ("op", "expected", "count"),
    [
        (Clip(min=0.0), Relu(), 1),
        (Clip(min=0.0, max=6.0), Relu6(), 1),
        (Clip(min=0.0, max=3.0), Relu6(threshold=3.0), 1),
        (Clip(min=-1.0, max=6.0), Clip(min=-1.0, max=6.0), 0),
        (Clip(max=6.0), Clip(max=6.0), 0),
        (Relu(), Relu(), 0),
        (Relu6(), Relu6(), 0),
    ],
    ids=str,
)
def test_writes_clips_from_0_on_as_relu(
    b: TestGraphs, op: Operation, expected: Operation, count: int
) -> None:
    graph = b.build(b.add(op, X=wide(b)))
    assert_rewrites(RecogniseClip(*ARM), graph, count)
    assert [node.op for node in graph.nodes][1:] == [expected]


def test_takes_bounds_from_operands(b: TestGraphs) -> None:
    lower, upper = (b.constant(np.array(number, np.float32)) for number in (0, 6))
    graph = b.build(b.add(Clip(), X=wide(b), Min=lower, Max=upper))
    assert_rewrites(RecogniseClip(*ARM), graph, 1)
    assert ops(graph) == [Scale, Relu6]


def test_joins_relu_and_a_minimum(b: TestGraphs) -> None:
    graph = b.build(bound(b, ElementwiseMin, b.add(Relu(), X=wide(b)), 6))
    assert_rewrites(RecogniseClip(*ARM), graph, 1)
    assert ops(graph) == [Scale, Relu6]


def test_joins_relu_minimum_and_maximum(b: TestGraphs) -> None:
    y = bound(b, ElementwiseMin, b.add(Relu(), X=wide(b)), 6)
    graph = b.build(bound(b, ElementwiseMax, y, 0))
    assert_rewrites(RecogniseClip(*ARM), graph, 2)
    assert ops(graph) == [Scale, Relu6]


def test_composes_clips(b: TestGraphs) -> None:
    y = b.add(Clip(min=-3.0, max=4.0), X=b.add(Clip(min=-1.0, max=8.0), X=wide(b)))
    graph = b.build(y)
    assert_rewrites(RecogniseClip(*ARM), graph, 1)
    assert [node.op for node in graph.nodes][1:] == [Clip(min=-1.0, max=4.0)]


def test_composes_bounds_that_exclude_each_other(b: TestGraphs) -> None:
    y = b.add(Clip(min=5.0, max=7.0), X=b.add(Clip(min=-1.0, max=2.0), X=wide(b)))
    assert_rewrites(RecogniseClip(*ARM), b.build(y), 1)


def test_keeps_bounds_that_something_else_reads(b: TestGraphs) -> None:
    h = bound(b, ElementwiseMax, wide(b), -1)
    graph = b.build(h, bound(b, ElementwiseMin, h, 6))
    assert_rewrites(RecogniseClip(*ARM), graph, 0)


def test_keeps_vectors_of_bounds(b: TestGraphs) -> None:
    h = b.add(ElementwiseMax(), X=wide(b), Y=b.weight(16))
    graph = b.build(b.add(ElementwiseMin(), X=h, Y=b.weight(16)))
    assert_rewrites(RecogniseClip(*ARM), graph, 0)


def test_makes_no_clip_where_the_runtime_has_none(b: TestGraphs) -> None:
    y = bound(b, ElementwiseMin, bound(b, ElementwiseMax, wide(b), -1), 6)
    assert_rewrites(RecogniseClip(Target.X86, LiteVersion.V2_8), b.build(b.add(Tanh(), X=y)), 0)
