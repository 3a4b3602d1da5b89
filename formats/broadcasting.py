"""Builds operations whose kernels broadcast less than the source formats do.

``where``, ``bitwise_and`` and the logical operations take operands of one shape;
comparisons take operands of equal rank, and go wrong where neither operand has the shape
of the result. What is missing is repeated by ``expand_v2`` first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from opt_tool.formats.element_types import converted
from opt_tool.ir import DType, Shape, ShapeError, Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.comparison import (
    Comparison,
    GreaterEqual,
    GreaterThan,
    LessEqual,
    LessThan,
    LogicalAnd,
)
from opt_tool.ir.operations.data_movement import ExpandV2
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.shape import Reshape2, Unsqueeze2
from opt_tool.ir.operations.shape import Shape as ShapeOf
from opt_tool.ir.types import broadcast

MIRRORED: dict[type[Comparison], type[Comparison]] = {
    LessThan: GreaterThan,
    LessEqual: GreaterEqual,
    GreaterThan: LessThan,
    GreaterEqual: LessEqual,
}
"""The comparison that says the same of swapped operands; of the others it is the same one."""


def common_shape(values: Sequence[Value]) -> Shape:
    """The shape that values broadcast to; raises ShapeError when they do not."""
    try:
        return functools.reduce(broadcast, (value.shape for value in values))
    except ValueError as error:
        raise ShapeError(str(error)) from error


def with_rank(builder: GraphBuilder, x: Value, rank: int) -> Value:
    """X with dimensions of size 1 in front, so that it has at least ``rank``."""
    missing = rank - x.rank
    if missing <= 0:
        return x
    if x.rank == 0:  # which the runtime may hold as a vector of one element
        return builder.add(Reshape2(shape=(1,) * rank), X=x)
    return builder.add(Unsqueeze2(axes=tuple(range(missing))), X=x)


def expanded_together(builder: GraphBuilder, *values: Value) -> tuple[Value, ...]:
    """The values, each repeated to the shape that they broadcast to.

    Raises:
        ShapeError: when they do not broadcast together.
    """
    return _expanded(builder, values, values)


def _expanded(
    builder: GraphBuilder, values: Sequence[Value], together: Sequence[Value]
) -> tuple[Value, ...]:
    """``values`` repeated to the shape that ``together`` broadcast to."""
    shape = common_shape(together)
    if all(value.shape == shape for value in values):
        return tuple(values)
    sizes = tuple(dim for dim in shape if isinstance(dim, int))
    if len(sizes) == len(shape):
        op, operand = ExpandV2(shape=sizes), None
    else:
        op, operand = ExpandV2(), builder.add(ShapeOf(), Input=_of_shape(builder, together, shape))
    return tuple(
        value if value.shape == shape else builder.add(op, X=value, Shape=operand)
        for value in values
    )


def _of_shape(builder: GraphBuilder, values: Sequence[Value], shape: Shape) -> Value:
    """A value that has the shape at run time: one of the operands, or else their sum."""
    for value in values:
        if value.shape == shape:
            return value
    numbers = [converted(builder, value, DType.FLOAT32) for value in values]
    return functools.reduce(lambda x, y: builder.add(ElementwiseAdd(), X=x, Y=y), numbers)


def compare(builder: GraphBuilder, op: Comparison, x: Value, y: Value) -> Value:
    """Compare x with y, of one element type, by NumPy's rule for shapes.

    Raises:
        ShapeError: when the operands do not broadcast together.
    """
    rank = max(x.rank, y.rank)
    x, y = with_rank(builder, x, rank), with_rank(builder, y, rank)
    shape = common_shape((x, y))
    if shape not in (x.shape, y.shape):
        (x,) = _expanded(builder, (x,), (x, y))
    elif shape == y.shape != x.shape:
        mirrored = MIRRORED.get(type(op))
        return builder.add(op if mirrored is None else mirrored(), X=y, Y=x)
    return builder.add(op, X=x, Y=y)


def equal(builder: GraphBuilder, x: Value, y: Value) -> Value:
    """Whether float32 x and y are equal to the last bit; ``equal`` has a tolerance."""
    not_above = compare(builder, LessEqual(), x, y)
    not_below = compare(builder, GreaterEqual(), x, y)
    return builder.add(LogicalAnd(), X=not_above, Y=not_below)
