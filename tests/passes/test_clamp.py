from __future__ import annotations

import math

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import DType, Node, Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6, Tanh
from opt_tool.ir.operations.elementwise import Clip, ElementwiseAdd, ElementwiseMax, ElementwiseMin
from opt_tool.passes.clamp import read_bounds, read_clamp, read_linear


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def number(b: TestGraphs, value: float, *shape: int) -> Value:
    return b.constant(np.full(shape, value, np.float32))


def maker(value: Value) -> Node:
    assert value.producer is not None
    return value.producer


@pytest.mark.parametrize(
    ("op", "bounds"),
    [
        (Relu(), (0, math.inf)),
        (Relu6(), (0, 6)),
        (Clip(min=-1.0, max=2.0), (-1, 2)),
        (Clip(max=2.0), (-math.inf, 2)),
        (Clip(min=3.0, max=2.0), None),
        (Tanh(), None),
    ],
    ids=str,
)
def test_reads_the_bounds_of_one_operand(
    b: TestGraphs, op: Operation, bounds: tuple[float, float] | None
) -> None:
    x = b.input(2, 3)
    read = read_bounds(maker(b.add(op, X=x)))
    assert (None if read is None else (read.lower, read.upper)) == bounds
    assert read is None or read.x is x


def test_reads_bounds_that_are_constant_operands(b: TestGraphs) -> None:
    y = b.add(Clip(), X=b.input(2, 3), Min=number(b, -1.0), Max=number(b, 4.0, 1))
    read = read_bounds(maker(y))
    assert read is not None
    assert (read.lower, read.upper) == (-1, 4)


def test_does_not_read_bounds_that_are_computed(b: TestGraphs) -> None:
    y = b.add(Clip(max=6.0), X=b.input(2, 3), Min=b.input(1, name="lower"))
    assert read_bounds(maker(y)) is None


@pytest.mark.parametrize("swap", [True, False])
def test_reads_maxima_and_minima_with_one_number(b: TestGraphs, swap: bool) -> None:
    x, y = b.input(2, 3), number(b, 2.0, 1, 1)
    operands = {"X": y, "Y": x} if swap else {"X": x, "Y": y}
    upper = read_bounds(maker(b.add(ElementwiseMin(), **operands)))
    lower = read_bounds(maker(b.add(ElementwiseMax(), **operands)))
    assert upper is not None
    assert lower is not None
    assert (upper.lower, upper.upper) == (-math.inf, 2)
    assert (lower.lower, lower.upper) == (2, math.inf)


def test_does_not_read_maxima_with_vectors_larger_shapes_or_whole_numbers(b: TestGraphs) -> None:
    x = b.input(2, 3)
    whole = b.input(2, 3, dtype=DType.INT32)
    two = b.constant(np.array(2, np.int32))
    for y in (
        b.add(ElementwiseMax(), X=x, Y=b.weight(3)),
        b.add(ElementwiseMax(), X=x, Y=number(b, 2.0, 1, 1, 1)),
        b.add(ElementwiseMax(), X=whole, Y=two),
    ):
        assert read_bounds(maker(y)) is None


def test_does_not_read_vectors_as_one_number(b: TestGraphs) -> None:
    assert read_linear(maker(b.add(ElementwiseAdd(), X=b.input(3, 2), Y=b.weight(3, 1)))) is None


def test_stops_at_what_something_else_reads(b: TestGraphs) -> None:
    h = b.add(ElementwiseAdd(), X=b.input(2, 3), Y=number(b, 3.0))
    y = b.add(Relu6(), X=h)
    graph = b.build(y, b.add(Tanh(), X=h))
    clamp = read_clamp(graph, maker(y))
    assert clamp is not None
    assert clamp.x is h
