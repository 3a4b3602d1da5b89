"""Reads operators that read at indices: Gather, GatherElements, GatherND, NonZero and others."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.indices import counted_from_front
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import (
    counted_tuples,
    gathered,
    gathered_nd,
    reversed_sequences,
    taken,
    with_batch,
)
from opt_tool.formats.shapes import flat, reshape_to, static_shape, transposed, unsqueezed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import indexing as ops
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    Scale,
)
from opt_tool.ir.operations.shape import INFER, Squeeze2, reshape_attribute

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
        return gathered_nd(node, x, unsqueezed(node, counted, (index.rank,)))
    return reshape_to(node, gathered(node, x, flat(node, counted), axis), new)


def _gather_one(node: OnnxNode, x: Value, index: Value, axis: int) -> Value:
    """The one slice at a scalar index, without the axis."""
    if not index.is_constant:
        counted = counted_from_front(node, flat(node, index), x, axis)
        return node.add(Squeeze2(axes=(axis,)), X=gathered(node, x, counted, axis))
    return taken(node, x, node.whole(1, "index"), axis)


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
    return gathered_nd(node, x, with_batch(node, counted_tuples(node, index, x, batch), batch))


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
    time_axis, batch_axis = node.integer("time_axis", 0), node.integer("batch_axis", 1)
    return reversed_sequences(
        node, node.input(0), node.input(1), time_axis=time_axis, batch_axis=batch_axis
    )
