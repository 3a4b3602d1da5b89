"""Reads operators that pick elements: at indices, where something is true, backwards."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import cast
from opt_tool.formats.element_types import converted
from opt_tool.formats.one_hot import between, hot
from opt_tool.formats.picking import gathered, gathered_nd, reversed_sequences, taken, with_batch
from opt_tool.formats.shapes import flat, reshape_to, transposed, unsqueezed
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.indexing import WhereIndex


@tflite_op("GATHER")
def gather(node: TfliteNode) -> Value:
    x, index = node.value(0), node.value(1)
    axis = node.axis(node.integer("axis"), x.rank)
    batch = node.integer("batch_dims")
    if batch == 0:
        return _gathered(node, x, index, axis)
    if not 0 < batch == axis <= index.rank:
        raise node.unsupported(f"axis {axis} behind batch_dims {batch}; only an equal one is read")
    return gathered_nd(node, x, with_batch(node, unsqueezed(node, index, (index.rank,)), batch))


@tflite_op("EMBEDDING_LOOKUP")
def embedding_lookup(node: TfliteNode) -> Value:
    return _gathered(node, node.value(1), node.value(0), 0)


def _gathered(node: TfliteNode, x: Value, index: Value, axis: int) -> Value:
    if index.rank == 0 and index.is_constant and index.dtype in (DType.INT32, DType.INT64):
        return _taken(node, x, int(index.array()), axis)
    picked = gathered(node, x, flat(node, index), axis)
    return reshape_to(node, picked, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


def _taken(node: TfliteNode, x: Value, position: int, axis: int) -> Value:
    size = x.shape[axis]
    if position < 0 or (isinstance(size, int) and position >= size):
        raise node.unsupported(f"position {position} of an axis of {size}")
    return taken(node, x, position, axis)


@tflite_op("GATHER_ND")
def gather_nd(node: TfliteNode) -> Value:
    return gathered_nd(node, node.value(0), node.value(1))


@tflite_op("WHERE")
def where_true(node: TfliteNode) -> Value:
    """The places of what is true, one row each; as many as the run finds."""
    condition = node.value(0)
    if condition.rank == 0:
        raise node.unsupported("it looks for what is true in a scalar")
    return node.add(WhereIndex(), Condition=condition)


@tflite_op("REVERSE_SEQUENCE")
def reverse_sequence(node: TfliteNode) -> Value:
    x = node.value(0)
    time_axis, batch_axis = (node.axis(node.integer(n), x.rank) for n in ("seq_dim", "batch_dim"))
    return reversed_sequences(node, x, node.value(1), time_axis=time_axis, batch_axis=batch_axis)


@tflite_op("ONE_HOT")
def one_hot(node: TfliteNode) -> Value:
    """Operands: the indices, the depth, what is put there, and what everywhere else."""
    indices, depth = node.value(0), node.whole(1, "depth")
    on, off = (node.number(index, "value").reshape(1) for index in (2, 3))
    axis = node.axis(node.integer("axis"), indices.rank + 1)
    if indices.dtype not in (DType.INT32, DType.INT64):
        indices = cast(node, indices, DType.INT32)
    values = np.concatenate([off, on])
    whole = values.dtype.kind in "bu" or values.dtype.itemsize < 4
    carrier = values.astype(np.int32) if whole else values
    chosen = between(node, hot(node, indices, depth, DType.of(carrier.dtype)), carrier)
    order = list(range(indices.rank))
    order.insert(axis, indices.rank)
    return converted(node.builder, transposed(node, chosen, tuple(order)), DType.of(values.dtype))
