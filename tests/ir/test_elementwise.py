from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import UNKNOWN, Dim, DType, ShapeError, Value
from opt_tool.ir.operations import comparison, elementwise, reduction
from opt_tool.ir.operations.activation import PRelu
from opt_tool.ir.operations.shape import Shape

E = elementwise


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def sizes(b: TestGraphs, *shape: Dim) -> Value:
    """The int32 vector of the dimensions of an input."""
    return b.add(Shape(), Input=b.input(*shape))


def whole(b: TestGraphs, *numbers: int) -> Value:
    return b.constant(np.array(numbers, np.int32))


def test_operands_broadcast_with_symbols(b: TestGraphs) -> None:
    x, y = b.input("n", 1, 4), b.input(3, 1)
    assert b.add(E.ElementwiseAdd(), X=x, Y=y).shape == ("n", 3, 4)


def test_the_shorter_shape_stands_at_the_axis(b: TestGraphs) -> None:
    x, y = b.input("n", 3, 4, 5), b.input(3)
    assert b.add(E.ElementwiseAdd(axis=1), X=x, Y=y).shape == ("n", 3, 4, 5)
    with pytest.raises(ShapeError, match="do not broadcast"):
        b.add(E.ElementwiseAdd(axis=2), X=x, Y=y)
    with pytest.raises(ShapeError, match="cannot be at axis 4"):
        b.add(E.ElementwiseAdd(axis=4), X=x, Y=y)


def test_operands_of_two_types_do_not_fit(b: TestGraphs) -> None:
    with pytest.raises(ShapeError, match="element types differ"):
        b.add(E.ElementwiseMul(), X=b.input(3), Y=b.input(3, dtype=DType.INT32))


@pytest.mark.parametrize(
    ("op", "numbers", "expected"),
    [
        (E.ElementwiseAdd(), (1, 2), ("h+1", 6)),
        (E.ElementwiseSub(), (1, 2), ("h-1", 2)),
        (E.ElementwiseMul(), (2, 2), ("h*2", 8)),
        (E.ElementwiseMul(), (3,), ("h*3", 12)),
        (E.ElementwiseDiv(), (2, 2), ("h//2", 2)),
        (E.ElementwiseDiv(), (-2, -3), (UNKNOWN, -1)),
        (E.ElementwiseDiv(), (0, 0), (UNKNOWN, UNKNOWN)),
        (E.ElementwiseMod(), (3, 3), (UNKNOWN, 1)),
        (E.ElementwiseMax(), (3, 3), (UNKNOWN, UNKNOWN)),
    ],
    ids=str,
)
def test_shape_arithmetic(
    b: TestGraphs, op: E.ElementwiseBinary, numbers: tuple[int, ...], expected: tuple[Dim, ...]
) -> None:
    value = b.add(op, X=sizes(b, "h", 4), Y=whole(b, *numbers))
    assert value.elements == expected


def test_scale_and_cast_keep_what_is_known_of_sizes(b: TestGraphs) -> None:
    size = sizes(b, "h", 4)
    assert b.add(E.Scale(scale=2, bias=1), X=size).elements == ("h*2+1", 9)
    before = E.Scale(scale=2, bias=1, bias_after_scale=False)
    assert b.add(before, X=size).elements == ("h*2+2", 10)
    assert b.add(E.Scale(scale=-1), X=size).elements == (UNKNOWN, -4)
    wide = b.add(E.Cast(in_dtype=DType.INT32, out_dtype=DType.INT64), X=size)
    assert wide.elements == ("h", 4)
    assert b.add(E.Cast(in_dtype=DType.INT32, out_dtype=DType.FLOAT32), X=size).elements is None


def test_cast_from_another_type_does_not_fit(b: TestGraphs) -> None:
    with pytest.raises(ShapeError, match="the cast is from int64"):
        b.add(E.Cast(in_dtype=DType.INT64), X=b.input(3))


def test_product_of_sizes(b: TestGraphs) -> None:
    (element,) = b.add(reduction.ReduceProd(dim=(0,)), X=sizes(b, 3, "h", 4)).elements or ()
    assert element == "h*12"


def test_sizes_are_never_negative(b: TestGraphs) -> None:
    size = sizes(b, "h", 4)
    assert b.add(comparison.Equal(), X=size, Y=whole(b, -1, 4)).elements == (0, 1)
    assert b.add(comparison.Equal(), X=size, Y=whole(b, 5, 5)).elements == (UNKNOWN, 0)
    assert b.add(comparison.NotEqual(), X=size, Y=whole(b, -1, 4)).elements == (1, 0)


def test_choice_between_sizes(b: TestGraphs) -> None:
    size, ones = sizes(b, "h", 4), whole(b, 1, 1)
    known = b.constant(np.array([True, False]))
    assert b.add(comparison.Where(), Condition=known, X=size, Y=ones).elements == ("h", 1)
    computed = b.add(comparison.Equal(), X=size, Y=whole(b, -1, -1))
    assert b.add(comparison.Where(), Condition=computed, X=ones, Y=size).elements == ("h", 4)


def test_comparison_of_unequal_ranks_does_not_fit(b: TestGraphs) -> None:
    with pytest.raises(ShapeError, match="equal rank"):
        b.add(comparison.LessThan(), X=b.input(2, 3), Y=b.input(3))
    one = b.constant(np.array([1], np.float32))
    assert b.add(comparison.LessThan(), X=b.input(2, 3), Y=one).shape == (2, 3)


def test_logic_does_not_broadcast(b: TestGraphs) -> None:
    x, y = b.input(2, 3, dtype=DType.BOOL), b.input(3, dtype=DType.BOOL)
    with pytest.raises(ShapeError, match="operands of one type"):
        b.add(comparison.LogicalAnd(), X=x, Y=y)
    with pytest.raises(ShapeError, match="operands of one type"):
        b.add(comparison.Where(), Condition=x, X=b.input(2, 3), Y=b.input(3))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (reduction.ReduceSum(dim=(1, -1)), ("n", 4)),
        (reduction.ReduceSum(dim=(2,), keep_dim=True), ("n", 3, 1, 5)),
        (reduction.ReduceSum(reduce_all=True), (1,)),
        (reduction.ReduceSum(dim=(0, 1, 2, 3)), (1,)),
        (reduction.ReduceSum(dim=(0,), keep_dim=True, reduce_all=True), (1, 1, 1, 1)),
        (reduction.ArgMax(axis=-1), ("n", 3, 4)),
        (reduction.ArgMax(axis=0, keepdims=True), (1, 3, 4, 5)),
        (reduction.TopKV2(k=2, axis=2), ("n", 3, 2, 5)),
    ],
    ids=str,
)
def test_shapes_along_axes(
    b: TestGraphs,
    op: reduction.Reduction | reduction.ArgMax | reduction.TopKV2,
    expected: tuple[Dim, ...],
) -> None:
    assert b.add(op, X=b.input("n", 3, 4, 5)).shape == expected


def test_an_axis_that_is_not_there_does_not_fit(b: TestGraphs) -> None:
    with pytest.raises(ShapeError, match="axis 3 does not exist"):
        b.add(reduction.Softmax(axis=3), X=b.input(2, 3, 4))


def test_slopes_that_do_not_fit(b: TestGraphs) -> None:
    with pytest.raises(ShapeError, match="does not take slopes"):
        b.add(PRelu(mode="channel"), X=b.input(1, 3, 4), Alpha=b.weight(4))
    with pytest.raises(ShapeError, match="no mode 'row'"):
        b.add(PRelu(mode="row"), X=b.input(1, 3, 4), Alpha=b.weight(4))
    with pytest.raises(ShapeError, match="at least 2 dimensions"):
        b.add(PRelu(mode="all"), X=b.input(3), Alpha=b.weight(1))
