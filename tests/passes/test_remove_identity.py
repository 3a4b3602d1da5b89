from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType, Operation
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.data_movement import (
    Assign,
    Concat,
    ExpandV2,
    Slice,
    Split,
    StridedSlice,
    Tile,
    Transpose2,
)
from opt_tool.ir.operations.elementwise import (
    Cast,
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Pow,
    Scale,
)
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.shape import Flatten2, Reshape2, Squeeze2, Unsqueeze2
from opt_tool.passes.remove_identity import RemoveIdentity

ALL = {"axes": (0, 2), "starts": (0, 0), "ends": (2, 99), "infer_flags": (1, 1)}


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.mark.parametrize(
    ("op", "slot", "shape", "count"),
    [
        (Assign(), "X", (2, 3), 1),
        (Cast(), "X", (2, 3), 1),
        (Reshape2(shape=(0, -1)), "X", (2, 3), 1),
        (Reshape2(shape=(3, 2)), "X", (2, 3), 0),
        (Flatten2(), "X", (2, 3), 1),
        (Squeeze2(), "X", (2, 3), 1),
        (Unsqueeze2(axes=(0,)), "X", (2, 3), 0),
        (Transpose2(axis=(0, 1)), "X", (2, 2), 1),
        (Transpose2(axis=(1, 0)), "X", (2, 2), 0),
        (Pad2D(), "X", (1, 2, 3, 3), 1),
        (Pad2D(paddings=(1, 0, 0, 0)), "X", (1, 2, 3, 3), 0),
        (Slice(**ALL), "Input", (2, 3, 4), 1),
        (StridedSlice(**ALL, strides=(1, 1)), "Input", (2, 3, 4), 1),
        (StridedSlice(**ALL, strides=(1, 2)), "Input", (2, 3, 4), 0),
        (Slice(**ALL), "Input", (3, 3, 4), 0),
        (Slice(axes=(0,), starts=(-2,), ends=(9,), infer_flags=(1,)), "Input", (2, 3), 1),
        (Slice(axes=(0,), starts=(1,), ends=(9,), infer_flags=(1,)), "Input", ("n", 3), 0),
        (Scale(), "X", (2, 3), 1),
        (Scale(bias=0.5), "X", (2, 3), 0),
        (Pow(), "X", (2, 3), 1),
        (Clip(), "X", (2, 3), 1),
        (Clip(min=0.0), "X", (2, 3), 0),
        (ExpandV2(shape=(2, -1)), "X", (2, 3), 1),
        (ExpandV2(shape=(2, 3)), "X", (1, 3), 0),
        (Tile(repeat_times=(1, 1)), "X", (2, 3), 1),
        (Tile(repeat_times=(1, 2)), "X", (2, 3), 0),
        (Concat(axis=1), "X", (2, 3), 1),
        (Split(axis=1, num=1), "X", (2, 3), 1),
    ],
    ids=str,
)
def test_removes_operations_that_change_nothing(
    b: TestGraphs, op: Operation, slot: str, shape: tuple[int, ...], count: int
) -> None:
    h = b.add(op, **{slot: b.add(Tanh(), X=b.input(*shape))})
    assert_rewrites(RemoveIdentity(), b.build(b.add(Relu(), X=h)), count)


@pytest.mark.parametrize(
    ("op", "number", "count"),
    [
        (ElementwiseAdd(), 0, 1),
        (ElementwiseSub(), 0, 1),
        (ElementwiseMul(), 1, 1),
        (ElementwiseDiv(), 1, 1),
        (ElementwiseMul(), 0.5, 0),
        (ElementwiseAdd(), 1, 0),
    ],
    ids=str,
)
def test_removes_arithmetic_with_neutral_numbers(
    b: TestGraphs, op: Operation, number: float, count: int
) -> None:
    y = b.constant(np.full((3,), number, np.float32))
    h = b.add(op, X=b.add(Tanh(), X=b.input(2, 3)), Y=y)
    assert_rewrites(RemoveIdentity(), b.build(b.add(Relu(), X=h)), count)


@pytest.mark.parametrize(("places", "count"), [((0, 1, 2), 1), ((0, 2, 1), 0), ((0, 1), 0)])
def test_removes_a_gather_of_everything_in_order(
    b: TestGraphs, places: tuple[int, ...], count: int
) -> None:
    x = b.add(Relu(), X=b.input(2, 3))
    index = b.constant(np.array(places, np.int64))
    graph = b.build(b.add(Tanh(), X=b.add(Gather(axis=1), X=x, Index=index)))
    assert_rewrites(RemoveIdentity(), graph, count)


def test_keeps_zero_minus_x_and_one_over_x(b: TestGraphs) -> None:
    x = b.add(Tanh(), X=b.input(2, 3))
    zero, one = (b.constant(np.full(1, number, np.float32)) for number in (0, 1))
    graph = b.build(b.add(ElementwiseSub(), X=zero, Y=x), b.add(ElementwiseDiv(), X=one, Y=x))
    assert_rewrites(RemoveIdentity(), graph, 0)


def test_keeps_a_sum_with_zeros_that_makes_the_shape_larger(b: TestGraphs) -> None:
    zeros = b.constant(np.zeros((4, 3), np.float32))
    x = b.add(Tanh(), X=b.input(1, 3))
    assert_rewrites(RemoveIdentity(), b.build(b.add(ElementwiseAdd(), X=x, Y=zeros)), 0)


def test_keeps_a_concat_of_two_and_a_cast_that_changes_the_type(b: TestGraphs) -> None:
    x = b.input(2, 3)
    steps = b.input(4, name="steps", dtype=DType.INT32)
    cast = Cast(in_dtype=DType.INT32, out_dtype=DType.INT64)
    graph = b.build(b.add(Concat(axis=0), X=(x, x)), b.add(cast, X=steps))
    assert_rewrites(RemoveIdentity(), graph, 0)


def test_removes_a_chain_in_front_of_an_output_and_keeps_the_name(b: TestGraphs) -> None:
    h = b.add(Tanh(), "h", X=b.input(2, 3))
    graph = b.build(b.add(Assign(), "y", X=b.add(Scale(), X=h)))
    assert_rewrites(RemoveIdentity(), graph, 2)
    assert ops(graph) == [Tanh]
    assert [value.name for value in graph.outputs] == ["y"]


def test_keeps_a_copy_between_an_input_and_an_output(b: TestGraphs) -> None:
    graph = b.build(b.add(Assign(), X=b.input(2, 3)))
    assert_rewrites(RemoveIdentity(), graph, 0)


def test_keeps_a_copy_of_one_output_as_another(b: TestGraphs) -> None:
    h = b.add(Tanh(), X=b.input(2, 3))
    assert_rewrites(RemoveIdentity(), b.build(h, b.add(Assign(), X=h)), 0)


def test_knows_symbolic_sizes(b: TestGraphs) -> None:
    x = b.add(Tanh(), X=b.input("batch", 3))
    assert_rewrites(
        RemoveIdentity(), b.build(b.add(Relu(), X=b.add(Reshape2(shape=(-1, 3)), X=x))), 1
    )
