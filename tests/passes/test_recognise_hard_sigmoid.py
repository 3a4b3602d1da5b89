from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import HardSigmoid, Relu6, Tanh
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    Scale,
)
from opt_tool.passes.recognise_hard_sigmoid import RecogniseHardSigmoid
from opt_tool.targets import LiteVersion, Target

ARM = (Target.ARM, LiteVersion.V2_13)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def number(b: TestGraphs, value: float) -> Value:
    return b.constant(np.array(value, np.float32))


def only_op(b: TestGraphs, y: Value) -> HardSigmoid:
    graph = b.build(y)
    assert_rewrites(RecogniseHardSigmoid(*ARM), graph, 1)
    (node,) = graph.nodes
    assert isinstance(node.op, HardSigmoid)
    return node.op


def test_joins_a_clip_and_the_line_before_it(b: TestGraphs) -> None:
    y = b.add(ElementwiseMul(), X=b.input(4, 16), Y=number(b, 0.2))
    y = b.add(ElementwiseAdd(), X=y, Y=number(b, 0.5))
    op = only_op(b, b.add(Clip(min=0.0, max=1.0), X=y))
    assert (op.slope, op.offset) == pytest.approx((0.2, 0.5))


def test_joins_a_clip_and_a_factor_of_a_sum(b: TestGraphs) -> None:
    y = b.add(ElementwiseAdd(), X=b.input(4, 16), Y=number(b, 2.0))
    y = b.add(ElementwiseMul(), X=y, Y=number(b, 0.25))
    op = only_op(b, b.add(Clip(min=0.0, max=1.0), X=y))
    assert (op.slope, op.offset) == (0.25, 0.5)


def test_joins_a_clip_and_a_scale(b: TestGraphs) -> None:
    y = b.add(Scale(scale=0.25, bias=2.0, bias_after_scale=False), X=b.input(4, 16))
    op = only_op(b, b.add(Relu6(threshold=1.0), X=y))
    assert (op.slope, op.offset) == (0.25, 0.5)


@pytest.mark.parametrize("division", [True, False])
def test_joins_relu6_and_the_division_by_6(b: TestGraphs, division: bool) -> None:
    y = b.add(Relu6(), X=b.add(ElementwiseAdd(), X=number(b, 3.0), Y=b.input(4, 16)))
    if division:
        y = b.add(ElementwiseDiv(), X=y, Y=number(b, 6.0))
    else:
        y = b.add(ElementwiseMul(), X=y, Y=number(b, 1 / 6))
    op = only_op(b, y)
    assert (op.slope, op.offset) == pytest.approx((1 / 6, 0.5))


def test_keeps_a_clamp_to_another_number_than_1(b: TestGraphs) -> None:
    y = b.add(Relu6(), X=b.add(ElementwiseAdd(), X=b.input(4, 16), Y=number(b, 3.0)))
    assert_rewrites(RecogniseHardSigmoid(*ARM), b.build(y), 0)


def test_keeps_a_clip_alone(b: TestGraphs) -> None:
    y = b.add(Clip(min=0.0, max=1.0), X=b.input(4, 16))
    assert_rewrites(RecogniseHardSigmoid(*ARM), b.build(y), 0)


def test_keeps_a_clip_from_below_0(b: TestGraphs) -> None:
    y = b.add(Clip(min=-1.0, max=1.0), X=b.add(Scale(scale=0.5), X=b.input(4, 16)))
    assert_rewrites(RecogniseHardSigmoid(*ARM), b.build(y), 0)


def test_keeps_a_line_that_something_else_reads(b: TestGraphs) -> None:
    h = b.add(Scale(scale=0.2, bias=0.5), X=b.input(4, 16))
    graph = b.build(b.add(Tanh(), X=h), b.add(Clip(min=0.0, max=1.0), X=h))
    assert_rewrites(RecogniseHardSigmoid(*ARM), graph, 0)
    assert ops(graph) == [Scale, Tanh, Clip]


def test_keeps_a_clamp_that_is_an_output(b: TestGraphs) -> None:
    h = b.add(Relu6(), X=b.input(4, 16))
    graph = b.build(h, b.add(ElementwiseDiv(), X=h, Y=number(b, 6.0)))
    assert_rewrites(RecogniseHardSigmoid(*ARM), graph, 0)


def test_keeps_everything_where_the_runtime_has_no_kernel(b: TestGraphs) -> None:
    y = b.add(Clip(min=0.0, max=1.0), X=b.add(Scale(scale=0.2, bias=0.5), X=b.input(4, 16)))
    assert_rewrites(RecogniseHardSigmoid(Target.X86, LiteVersion.V2_8), b.build(y), 0)
