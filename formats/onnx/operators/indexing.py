"""Reads operators that read at indices: Gather, GatherElements, GatherND, NonZero and others."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.onnx.casting import MOVABLE, carried, cast
from opt_tool.formats.onnx.indices import counted_from_front
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.data_movement import transposed
from opt_tool.formats.onnx.operators.shape import reshape_to, unsqueezed
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Shape, Value
from opt_tool.ir.operations import indexing as ops
from opt_tool.ir.operations.comparison import LessThan, Where
from opt_tool.ir.operations.data_movement import ENDLESS, Concat, Slice
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.shape import INFER, Reshape2, Squeeze2, reshape_attribute

GATHERABLE = MOVABLE | {DType.INT8, DType.INT16}
GATHERABLE_ND = MOVABLE | {DType.BOOL, DType.UINT8, DType.INT8}


def static_shape(node: OnnxNode, value: Value, what: str) -> tuple[int, ...]:
    """A shape in numbers; refuses the node when a dimension is symbolic."""
    if not value.type.is_static:
        raise node.unsupported(
            f"its {what} have the shape {list(value.shape)}, known only at run time. "
            "Fix the input shapes with --input-shape"
        )
    return value.type.static_shape


# ---- Gather


@onnx_op("Gather", since=1)
def gather(node: OnnxNode) -> Value:
    x, index = node.input(0), node.input(1)
    axis = node.axis(node.integer("axis", 0), x.rank)
    if index.rank == 0:
        return _gather_one(node, x, index, axis)
    if index.rank == 1:
        return gathered(node, x, counted_from_front(node, index, x, axis), axis)
    counted = counted_from_front(node, index, x, axis)
    if axis == 0 and x.rank == 2 and x.dtype is DType.FLOAT32:
        return node.add(ops.LookupTableV2(), W=x, Ids=counted)
    new = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    if axis == 0 and reshape_attribute((INFER, *x.shape[1:]), new) is None:
        return _gathered_nd(node, x, unsqueezed(node, counted, (index.rank,)))
    return reshape_to(node, gathered(node, x, flat(node, counted), axis), new)


def gathered(node: OnnxNode, x: Value, index: Value, axis: int) -> Value:
    """The slices of x at a vector of indices that count from the front."""
    return carried(
        node,
        [x],
        lambda value: node.add(ops.Gather(axis=axis), X=value, Index=index),
        native=GATHERABLE,
        beside=(index,),
    )


def _gathered_nd(node: OnnxNode, x: Value, index: Value) -> Value:
    return carried(
        node,
        [x],
        lambda value: node.add(ops.GatherNd(), X=value, Index=index),
        native=GATHERABLE_ND,
        beside=(index,),
    )


def flat(node: OnnxNode, x: Value) -> Value:
    """X as a vector."""
    return x if x.rank == 1 else node.add(Reshape2(shape=(INFER,)), X=x)


def _gather_one(node: OnnxNode, x: Value, index: Value, axis: int) -> Value:
    """The one slice at a scalar index, without the axis."""
    if not index.is_constant:
        counted = counted_from_front(node, flat(node, index), x, axis)
        return node.add(Squeeze2(axes=(axis,)), X=gathered(node, x, counted, axis))
    return taken(node, x, int(index.array()), axis)


def taken(node: OnnxNode, x: Value, position: int, axis: int) -> Value:
    """The slice of x at one position, without the axis."""
    end = ENDLESS if position == -1 else position + 1
    dropped = (axis,) if x.rank > 1 else ()
    op = Slice(axes=(axis,), starts=(position,), ends=(end,), decrease_axis=dropped)
    one = carried(node, [x], lambda value: node.add(op, Input=value))
    return one if dropped else node.add(Squeeze2(axes=(0,)), X=one)


# ---- GatherElements


@onnx_op("GatherElements", since=11)
def gather_elements(node: OnnxNode) -> Value:
    x, index = node.input(0), node.input(1)
    axis = node.axis(node.integer("axis", 0), x.rank)
    positions = linear_positions(node, x, index, axis)
    return reshape_to(node, gathered(node, flat(node, x), positions, 0), index.shape)


def _check_places(
    node: OnnxNode, sizes: tuple[int, ...], places: tuple[int, ...], axis: int
) -> None:
    """Refuse indices that lie outside of the data, or are too many to lay out."""
    beside = [i for i in range(len(places)) if i != axis]
    if len(places) != len(sizes) or any(places[i] > sizes[i] for i in beside):
        raise node.unsupported(f"indices {list(places)} reach out of data {list(sizes)}")
    node.made_up(*places)


def linear_positions(node: OnnxNode, x: Value, index: Value, axis: int) -> Value:
    """Where in x, taken as a vector, the elements lie that ``index`` names along an axis."""
    counted = flat(node, counted_from_front(node, index, x, axis))
    sizes, places = static_shape(node, x, "data"), static_shape(node, index, "indices")
    _check_places(node, sizes, places, axis)
    strides = [int(np.prod(sizes[i + 1 :])) for i in range(len(sizes))]
    grid = np.indices(places, np.int64).reshape(len(places), -1)
    base = sum(
        (stride * grid[i] for i, stride in enumerate(strides) if i != axis),
        start=np.zeros(grid.shape[1], np.int64),
    )
    scaled = counted
    if strides[axis] != 1:
        scaled = node.add(Scale(scale=float(strides[axis])), X=counted)
    if not base.any():
        return scaled
    offset = node.new_constant(base.astype(counted.dtype.numpy), "offset")
    return node.add(ElementwiseAdd(), X=scaled, Y=offset)


# ---- GatherND


@onnx_op("GatherND", since=11)
def gather_nd(node: OnnxNode) -> Value:
    x, index = node.input(0), node.input(1)
    batch = node.integer("batch_dims", 0)
    return _gathered_nd(node, x, with_batch(node, counted_tuples(node, index, x, batch), batch))


def counted_tuples(node: OnnxNode, index: Value, x: Value, first: int = 0) -> Value:
    """Index (..., K) into the axes of x from ``first``, with all counted from the front."""
    depth = index.shape[-1]
    if not isinstance(depth, int):
        raise node.unsupported("how many axes its indices count is known only at run time")
    sizes = x.shape[first : first + depth]
    if len(set(sizes)) == 1:
        return counted_from_front(node, index, x, first)
    columns = [
        counted_from_front(node, _column(node, index, i), x, first + i) for i in range(depth)
    ]
    return node.add(Concat(axis=index.rank - 1), X=columns)


def _column(node: OnnxNode, index: Value, position: int) -> Value:
    last = index.rank - 1
    op = Slice(axes=(last,), starts=(position,), ends=(position + 1,))
    return node.add(op, Input=index)


def with_batch(node: OnnxNode, index: Value, batch: int) -> Value:
    """Index (..., K) with the coordinates of its first ``batch`` axes in front."""
    if batch == 0:
        return index
    places = node.made_up(*static_shape(node, index, "indices")[:-1])
    grid = np.moveaxis(np.indices(places, index.dtype.numpy)[:batch], 0, -1)
    return node.add(Concat(axis=index.rank - 1), X=(node.new_constant(grid, "batch"), index))


# ---- what is true


@onnx_op("NonZero", since=9)
def non_zero(node: OnnxNode) -> Value:
    x = node.input(0)
    if x.rank == 0:
        raise node.unsupported("it looks for what is not zero in a scalar")
    return transposed(node, node.add(ops.WhereIndex(), Condition=x), (1, 0))


@onnx_op("Compress", since=9)
def compress(node: OnnxNode) -> Value:
    x, condition = node.input(0), node.input(1)
    true = node.add(ops.WhereIndex(), Condition=condition)
    index = node.add(Squeeze2(axes=(1,)), X=true)
    if node.has("axis"):
        return gathered(node, x, index, node.axis(node.integer("axis", 0), x.rank))
    return gathered(node, flat(node, x), index, 0)


# ---- ReverseSequence


@onnx_op("ReverseSequence", since=10)
def reverse_sequence(node: OnnxNode) -> Value:
    x, lengths = node.input(0), node.input(1)
    time_axis = node.integer("time_axis", 0)
    batch_axis = node.integer("batch_axis", 1)
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


def _reversed_positions(node: OnnxNode, time: Value, lengths: Value) -> Value:
    """length - 1 - time within a sequence, time behind it."""
    last = node.add(Scale(bias=-1.0), X=lengths)
    backwards = node.add(ElementwiseSub(), X=last, Y=time)
    zeros = node.new_constant(np.zeros([int(d) for d in backwards.shape], np.int64), "zeros")
    whole_time = node.add(ElementwiseAdd(), X=time, Y=zeros)
    inside = node.add(LessThan(), X=whole_time, Y=node.add(ElementwiseAdd(), X=lengths, Y=zeros))
    return node.add(Where(), Condition=inside, X=backwards, Y=whole_time)


# ---- Unique, which only x86 tests and version 2.13 have
