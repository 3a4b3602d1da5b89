"""What is known of the sign of indices that the run computes."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.formats.indices import may_be_negative
from opt_tool.ir import DType
from opt_tool.ir.operations.creation import Range
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import (
    Cast,
    ElementwiseFloorDiv,
    ElementwiseMod,
    ElementwiseSub,
)
from opt_tool.ir.operations.indexing import Gather, WhereIndex
from opt_tool.ir.operations.shape import Shape, Squeeze2


def test_inputs_and_differences_may_be_negative() -> None:
    b = TestGraphs()
    x = b.input(4, dtype=DType.INT64)
    assert may_be_negative(x)
    assert may_be_negative(b.add(ElementwiseSub(), X=x, Y=x))


def test_quotients_and_rests_of_counts_are_not_negative() -> None:
    b = TestGraphs()
    true = b.add(WhereIndex(), Condition=b.input("n", dtype=DType.BOOL))
    for op in (ElementwiseFloorDiv(), ElementwiseMod()):
        for least in (2, -2):
            number = b.constant(np.array([[least]], np.int64))
            assert may_be_negative(b.add(op, X=true, Y=number)) == (least < 0)


def test_counts_are_not_negative_however_they_are_moved() -> None:
    b = TestGraphs()
    true = b.add(WhereIndex(), Condition=b.input("n", dtype=DType.BOOL))
    small = b.add(Cast(in_dtype=DType.INT64, out_dtype=DType.INT32), X=true)
    assert not may_be_negative(b.add(Squeeze2(axes=(1,)), X=small))


@pytest.mark.parametrize("last", [-1, 0])
def test_one_negative_element_makes_a_vector_negative(last: int) -> None:
    b = TestGraphs()
    dims = b.add(Shape(), Input=b.input("n", "m"))
    joined = b.add(Concat(), X=(dims, b.constant(np.array([last], np.int32))))
    assert joined.elements == ("n", "m", last)
    assert may_be_negative(joined) == (last < 0)


@pytest.mark.parametrize(("start", "step"), [(0, 1), (-2, 1), (5, -1)])
def test_a_range_is_not_negative_when_it_rises_from_zero(start: int, step: int) -> None:
    b = TestGraphs()
    first, distance = (b.constant(np.array([n], np.int32)) for n in (start, step))
    size = b.input(1, dtype=DType.INT32)
    indices = b.add(Range(), Start=first, End=size, Step=distance)
    assert may_be_negative(indices) == (start < 0 or step < 0)


def test_what_is_read_at_indices_may_be_anything() -> None:
    b = TestGraphs()
    table = b.input(4, dtype=DType.INT64)
    assert may_be_negative(b.add(Gather(), X=table, Index=b.constant(np.array([1]))))
