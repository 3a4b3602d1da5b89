from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.activation import HardSigmoid, HardSwish, Relu6, Tanh
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    Scale,
)
from opt_tool.passes.recognise_hard_swish import RecogniseHardSwish
from opt_tool.targets import LiteVersion, Target

ARM = (Target.ARM, LiteVersion.V2_13)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def number(b: TestGraphs, value: float) -> Value:
    return b.constant(np.array(value, np.float32))


def wide(b: TestGraphs) -> Value:
    return b.add(Tanh(), X=b.input(4, 16))


def clamp(b: TestGraphs, x: Value) -> Value:
    """Relu6(x + 3) of numbers that it bounds."""
    return b.add(Relu6(threshold=3.5), X=b.add(ElementwiseAdd(), X=x, Y=number(b, 3.0)))


def sixth(b: TestGraphs, x: Value) -> Value:
    return b.add(ElementwiseDiv(), X=x, Y=number(b, 6.0))


def assert_is_hard_swish(graph: Graph, count: int) -> None:
    assert_rewrites(RecogniseHardSwish(*ARM), graph, count)
    tanh, swish = (node.op for node in graph.nodes)
    assert tanh == Tanh()
    assert isinstance(swish, HardSwish)
    expected = (3.5, 6.0, 3.0)
    assert (swish.threshold, swish.scale, swish.offset) == pytest.approx(expected)


@pytest.mark.parametrize("swap", [True, False])
def test_takes_the_division_of_the_clamp(b: TestGraphs, swap: bool) -> None:
    x = wide(b)
    factors = [x, sixth(b, clamp(b, x))]
    y, z = reversed(factors) if swap else factors
    assert_is_hard_swish(b.build(b.add(ElementwiseMul(), X=y, Y=z)), 1)


def test_takes_the_division_of_the_product(b: TestGraphs) -> None:
    x = wide(b)
    y = b.add(ElementwiseMul(), X=x, Y=clamp(b, x))
    assert_is_hard_swish(b.build(sixth(b, y)), 2)


def test_takes_the_division_of_x(b: TestGraphs) -> None:
    x = wide(b)
    graph = b.build(b.add(ElementwiseMul(), X=sixth(b, x), Y=clamp(b, x)))
    assert_is_hard_swish(graph, 1)


def test_joins_x_and_its_hard_sigmoid(b: TestGraphs) -> None:
    x = b.input(4, 16)
    gate = b.add(HardSigmoid(slope=0.5, offset=0.25), X=x)
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=gate))
    assert_rewrites(RecogniseHardSwish(*ARM), graph, 1)
    assert [node.op for node in graph.nodes] == [HardSwish(threshold=2.0, scale=2.0, offset=0.5)]


def test_keeps_the_product_of_two_different_values(b: TestGraphs) -> None:
    x = wide(b)
    graph = b.build(b.add(ElementwiseMul(), X=b.add(Tanh(), X=x), Y=sixth(b, clamp(b, x))))
    assert_rewrites(RecogniseHardSwish(*ARM), graph, 0)


def test_keeps_a_clamp_that_something_else_reads(b: TestGraphs) -> None:
    x = wide(b)
    gate = b.add(HardSigmoid(), X=x)
    graph = b.build(gate, b.add(ElementwiseMul(), X=x, Y=gate))
    assert_rewrites(RecogniseHardSwish(*ARM), graph, 0)


def test_keeps_a_clamp_that_falls(b: TestGraphs) -> None:
    x = b.input(4, 16)
    gate = b.add(HardSigmoid(slope=-0.5), X=x)
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=gate))
    assert_rewrites(RecogniseHardSwish(*ARM), graph, 0)


def test_keeps_a_sum_behind_it(b: TestGraphs) -> None:
    graph = b.build(b.add(Scale(scale=2.0, bias=1.0), X=b.add(HardSwish(), X=b.input(4, 16))))
    assert_rewrites(RecogniseHardSwish(*ARM), graph, 0)


def test_keeps_everything_where_the_runtime_has_no_kernel(b: TestGraphs) -> None:
    x = b.input(4, 16)
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=b.add(HardSigmoid(), X=x)))
    assert_rewrites(RecogniseHardSwish(Target.X86, LiteVersion.V2_8), graph, 0)
