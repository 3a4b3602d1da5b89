"""Reads elements at indices."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import MOVABLE, carried, cast
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.indices import counted_from_front, may_be_negative
from opt_tool.formats.shapes import flat, reshape_to, static_shape
from opt_tool.ir import DType, Shape, Value
from opt_tool.ir.operations import indexing as ops
from opt_tool.ir.operations.comparison import LessThan, Where
from opt_tool.ir.operations.data_movement import ENDLESS, Concat, Slice, StridedSlice
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseSub, Scale
from opt_tool.ir.operations.shape import Squeeze2

GATHERABLE = MOVABLE | {DType.INT8, DType.INT16}
GATHERABLE_ND = MOVABLE | {DType.BOOL, DType.UINT8, DType.INT8}


def gathered(node: ImportedNode, x: Value, index: Value, axis: int) -> Value:
    """The slices of x at a vector of indices that count from the front."""
    return carried(
        node,
        [x],
        lambda value: node.add(ops.Gather(axis=axis), X=value, Index=index),
        native=GATHERABLE,
        beside=(index,),
    )


def gathered_nd(node: ImportedNode, x: Value, index: Value) -> Value:
    """The slices of x at tuples of indices (..., K) that count from the front."""
    return carried(
        node,
        [x],
        lambda value: node.add(ops.GatherNd(), X=value, Index=index),
        native=GATHERABLE_ND,
        beside=(index,),
    )


def counted_tuples(node: ImportedNode, index: Value, x: Value, first: int = 0) -> Value:
    """Index (..., K) into the axes of x from ``first``, with all counted from the front."""
    depth = index.shape[-1]
    if not isinstance(depth, int):
        raise node.unsupported("how many axes its indices count is known only at run time")
    sizes = x.shape[first : first + depth]
    if len(set(sizes)) == 1 or not may_be_negative(index):
        return counted_from_front(node, index, x, first)
    columns = [
        counted_from_front(node, _column(node, index, i), x, first + i) for i in range(depth)
    ]
    return node.add(Concat(axis=index.rank - 1), X=columns)


def _column(node: ImportedNode, index: Value, position: int) -> Value:
    last = index.rank - 1
    op = Slice(axes=(last,), starts=(position,), ends=(position + 1,))
    return node.add(op, Input=index)


def with_batch(node: ImportedNode, index: Value, batch: int) -> Value:
    """Index (..., K) with the coordinates of its first ``batch`` axes in front."""
    if batch == 0:
        return index
    places = node.made_up(*static_shape(node, index, "indices")[:-1])
    grid = np.moveaxis(np.indices(places, index.dtype.numpy)[:batch], 0, -1)
    return node.add(Concat(axis=index.rank - 1), X=(node.new_constant(grid, "batch"), index))


def part(node: ImportedNode, x: Value, axis: int, start: int, end: int) -> Value:
    """X from one position to another along an axis; x itself where that is all of it."""
    if (start, end) == (0, x.shape[axis]):
        return x
    return node.add(Slice(axes=(axis,), starts=(start,), ends=(end,)), Input=x)


def every(node: ImportedNode, x: Value, axis: int, start: int, count: int, step: int) -> Value:
    """So many elements of an axis from a position on, ``step`` apart."""
    end = start + (count - 1) * step + 1
    if step == 1:
        return part(node, x, axis, start, end)
    op = StridedSlice(axes=(axis,), starts=(start,), ends=(end,), strides=(step,), infer_flags=(1,))
    return node.add(op, Input=x)


def taken(node: ImportedNode, x: Value, position: int, axis: int) -> Value:
    """The slice of x at one position, without the axis."""
    end = ENDLESS if position == -1 else position + 1
    dropped = (axis,) if x.rank > 1 else ()
    op = Slice(axes=(axis,), starts=(position,), ends=(end,), decrease_axis=dropped)
    one = carried(node, [x], lambda value: node.add(op, Input=value))
    return one if dropped else node.add(Squeeze2(axes=(0,)), X=one)


# ---- sequences of their own length


def reversed_sequences(
    node: ImportedNode, x: Value, lengths: Value, *, time_axis: int, batch_axis: int
) -> Value:
    """X with the first ``lengths`` steps of each sequence in the opposite order."""
    if x.rank < 2 or {time_axis, batch_axis} != {0, 1}:
        raise node.unsupported(f"time axis {time_axis}, batch axis {batch_axis}; they are 0 and 1")
    shape = static_shape(node, x, "data")
    node.made_up(*shape[:2])
    steps, batch = shape[time_axis], shape[batch_axis]
    time = _column_or_row(np.arange(steps, dtype=np.int64), time_axis)
    lengths = reshape_to(node, cast(node, lengths, DType.INT64), _beside(batch, batch_axis))
    positions = _reversed_positions(node, node.new_constant(time, "time"), lengths)
    column = _column_or_row(np.arange(batch, dtype=np.int64), batch_axis)
    rows = node.add(Scale(scale=float(shape[1])), X=positions) if time_axis == 0 else positions
    offset = column if batch_axis == 1 else column * shape[1]
    linear = node.add(ElementwiseAdd(), X=rows, Y=node.new_constant(offset, "sequence"))
    merged: Shape = (steps * batch, *shape[2:])
    taken = gathered(node, reshape_to(node, x, merged), flat(node, linear), 0)
    return reshape_to(node, taken, shape)


def _beside(size: int, axis: int) -> tuple[int, int]:
    return (size, 1) if axis == 0 else (1, size)


def _column_or_row(numbers: np.ndarray, axis: int) -> np.ndarray:
    return numbers.reshape(_beside(numbers.size, axis))


def _reversed_positions(node: ImportedNode, time: Value, lengths: Value) -> Value:
    """length - 1 - time within a sequence, time behind it."""
    last = node.add(Scale(bias=-1.0), X=lengths)
    backwards = node.add(ElementwiseSub(), X=last, Y=time)
    zeros = node.new_constant(np.zeros([int(d) for d in backwards.shape], np.int64), "zeros")
    whole_time = node.add(ElementwiseAdd(), X=time, Y=zeros)
    inside = node.add(LessThan(), X=whole_time, Y=node.add(ElementwiseAdd(), X=lengths, Y=zeros))
    return node.add(Where(), Condition=inside, X=backwards, Y=whole_time)
