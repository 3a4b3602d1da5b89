from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.merge_affines import MergeAffines


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def affine(b: TestGraphs, x: Value, *shape: int) -> Value:
    x = b.add(ElementwiseMul(), X=x, Y=b.weight(*shape))
    return b.add(ElementwiseAdd(), X=b.weight(*shape), Y=x)


def test_makes_one_scale_of_numbers_for_all(b: TestGraphs) -> None:
    x = b.add(ElementwiseSub(), X=b.input(2, 3), Y=b.positive())
    x = b.add(Scale(scale=0.5, bias=2.0), X=b.add(ElementwiseDiv(), X=x, Y=b.positive(1)))
    graph = b.build(b.add(Tanh(), X=x))
    assert_rewrites(MergeAffines(), graph, 2)
    assert ops(graph) == [Scale, Tanh]


def test_makes_one_batch_norm_of_numbers_for_channels(b: TestGraphs) -> None:
    x = affine(b, affine(b, b.input(2, 4, 5, 6), 4, 1, 1), 1, 4, 1, 1)
    graph = b.build(b.add(Tanh(), X=x))
    assert_rewrites(MergeAffines(), graph, 3)
    assert ops(graph) == [BatchNorm, Tanh]


def test_takes_one_number_for_all_into_those_for_channels(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0, bias=1.0), X=affine(b, b.input(2, 4, 5, 6), 4, 1, 1))
    graph = b.build(x)
    assert_rewrites(MergeAffines(), graph, 2)
    assert ops(graph) == [BatchNorm]


def test_keeps_one_alone(b: TestGraphs) -> None:
    graph = b.build(b.add(ElementwiseMul(), X=b.input(2, 4, 5, 6), Y=b.weight(4, 1, 1)))
    assert_rewrites(MergeAffines(), graph, 0)


def test_keeps_what_something_else_reads(b: TestGraphs) -> None:
    x = b.add(ElementwiseMul(), X=b.input(2, 4, 5, 6), Y=b.weight(4, 1, 1))
    graph = b.build(x, b.add(Scale(bias=1.0), X=x))
    assert_rewrites(MergeAffines(), graph, 0)


def test_keeps_numbers_along_another_axis(b: TestGraphs) -> None:
    assert_rewrites(MergeAffines(), b.build(affine(b, b.input(2, 4, 5, 6), 6)), 0)


def test_keeps_channels_of_what_is_no_image(b: TestGraphs) -> None:
    assert_rewrites(MergeAffines(), b.build(affine(b, b.input(2, 4, 5), 4, 1)), 0)


def test_keeps_whole_numbers(b: TestGraphs) -> None:
    x = b.add(Scale(scale=2.0), X=b.input(2, 4, dtype=DType.INT32))
    assert_rewrites(MergeAffines(), b.build(b.add(Scale(scale=3.0), X=x)), 0)
