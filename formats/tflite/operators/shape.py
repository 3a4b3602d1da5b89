"""Reads operators that ask for a shape or change it, and TRANSPOSE, which moves nothing here."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.element_types import converted
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.tensors import dtype_of
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.shape import Reshape2, Squeeze2, reshaped
from opt_tool.ir.operations.shape import Shape as ShapeOf


@tflite_op("RESHAPE")
def reshape(node: TfliteNode) -> Value:
    """The shape is an operand, or in old files an option."""
    x = node.value(0)
    operand = node.value(1) if node.has(1) else None
    if operand is not None and operand.elements is None and not operand.is_constant:
        return node.add(Reshape2(), X=x, Shape=converted(node.builder, operand, DType.INT32))
    wanted = node.vector("new_shape") if operand is None else node.dims(1, "shape")
    if 0 in wanted:
        raise node.unsupported(f"it makes a tensor without elements: {list(wanted)}")
    return reshape_to(node, x, reshaped(x.shape, wanted))


@tflite_op("SQUEEZE")
def squeeze(node: TfliteNode) -> Value:
    x = node.value(0)
    axes = {node.axis(axis, x.rank) for axis in node.vector("squeeze_dims")}
    if not axes:
        axes = {axis for axis, size in enumerate(x.shape) if size == 1}
    return node.add(Squeeze2(axes=tuple(sorted(axes))), X=x) if axes else x


@tflite_op("EXPAND_DIMS")
def expand_dims(node: TfliteNode) -> Value:
    x = node.value(0)
    axis = node.axis(node.whole(1, "axis"), x.rank + 1)
    return reshape_to(node, x, (*x.shape[:axis], 1, *x.shape[axis:]))


@tflite_op("TRANSPOSE")
def transpose(node: TfliteNode) -> Laid:
    x, axes = node.laid(0), node.integers(1, "order")
    order = tuple(node.axis(axis, x.rank) for axis in axes)
    if sorted(order) != list(range(x.rank)):
        raise node.unsupported(f"{list(axes)} is no order of the dimensions {list(x.shape)}")
    return x.transposed(order)


@tflite_op("SHAPE")
def shape_of(node: TfliteNode) -> Value:
    """Where it is known it needs no operation, whatever the order of the operand is."""
    x = node.laid(0)
    dtype = dtype_of(node.output().type)
    if all(isinstance(dim, int) for dim in x.shape):
        return node.new_constant(np.array(x.shape, dtype.numpy), "shape")
    return converted(node.builder, node.add(ShapeOf(), Input=node.in_order(x)), dtype)


@tflite_op("BROADCAST_ARGS")
def broadcast_shape(node: TfliteNode) -> Value:
    """The shape that tensors of two shapes broadcast to."""
    shapes = [node.integers(index, "shape") for index in range(2)]
    dtype = dtype_of(node.output().type)
    return node.new_constant(np.array(_together(node, shapes), dtype.numpy), "shape")


def _together(node: TfliteNode, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise node.unsupported(f"shapes {shapes} do not broadcast together") from error


@tflite_op("RANGE")
def numbers_in_a_row(node: TfliteNode) -> Value:
    """Operands: the first number, where the row ends, and the step; all are constants."""
    start, limit, step = (
        node.number(index, name).item() for index, name in enumerate(("start", "limit", "delta"))
    )
    if step == 0 or not all(map(math.isfinite, (start, limit, step))):
        raise node.unsupported(f"from {start} to {limit} in steps of {step}")
    count = max(math.ceil((limit - start) / step), 0)
    row = start + step * np.arange(*node.made_up(count))
    return node.new_constant(row.astype(node.constant(0, "start").dtype), "range")


@tflite_op("RANK")
def rank_of(node: TfliteNode) -> Value:
    return node.new_constant(np.array(node.laid(0).rank, np.int32), "rank")
