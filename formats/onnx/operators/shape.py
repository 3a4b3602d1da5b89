"""Reads operators on shapes: Shape, Size, Reshape, Flatten, Squeeze, Unsqueeze."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import as_int32, cast
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import reshape_to, unsqueezed
from opt_tool.ir import Dim, DType, Shape, Value
from opt_tool.ir.operations import shape as ops
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.ir.types import product


@onnx_op("Shape", since=1)
def shape(node: OnnxNode) -> Value:
    x = node.input(0)
    dims = cast(node, node.add(ops.Shape(), Input=x), DType.INT64)
    start, end, _ = slice(node.integer("start", 0), node.integer("end", x.rank)).indices(x.rank)
    if (start, end) == (0, x.rank):
        return dims
    if start >= end:
        return node.new_constant(np.zeros(0, np.int64), "no_dimensions")
    return node.add(Slice(axes=(0,), starts=(start,), ends=(end,)), Input=dims)


@onnx_op("Size", since=1)
def size(node: OnnxNode) -> Value:
    x = node.input(0)
    if x.type.is_static:
        return node.new_constant(np.array(x.type.size, np.int64), "size")
    flat = node.add(ops.Reshape2(shape=(ops.INFER,)), X=x)
    count = node.add(ops.Squeeze2(axes=(0,)), X=node.add(ops.Shape(), Input=flat))
    return cast(node, count, DType.INT64)


@onnx_op("Reshape", since=5)
def reshape(node: OnnxNode) -> Value:
    x, operand = node.input(0), node.input(1)
    if operand.elements is None and not operand.is_constant:
        if x.type.is_static and x.type.size == 0:
            raise node.unsupported(f"it reshapes {x.type}, which has no elements, at run time")
        return node.add(ops.Reshape2(), X=x, Shape=as_int32(node, operand))
    wanted = node.dims(1, "shape")
    if node.integer("allowzero", 0) and 0 in wanted:
        return reshape_to(node, x, _with_empty_dimensions(node, x, wanted))
    new = ops.reshaped(x.shape, wanted)
    if ops.reshape_attribute(x.shape, new) is None:
        return node.add(ops.Reshape2(), X=x, Shape=as_int32(node, operand))
    return reshape_to(node, x, new)


def _with_empty_dimensions(node: OnnxNode, x: Value, wanted: Shape) -> Shape:
    """A shape in which 0 means that there is nothing."""
    if ops.INFER in wanted or (x.type.is_static and x.type.size != 0):
        raise node.unsupported(f"{x.type} does not reshape to {list(wanted)} with allowzero")
    return wanted


@onnx_op("Flatten", since=1)
def flatten(node: OnnxNode) -> Value:
    x = node.input(0)
    axis = node.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise node.unsupported(f"axis {axis} does not exist in a tensor of rank {x.rank}")
    axis = axis + x.rank if axis < 0 else axis
    new: tuple[Dim, Dim] = (product(x.shape[:axis]), product(x.shape[axis:]))
    if ops.reshape_attribute(x.shape, new) is None:
        return node.add(ops.Flatten2(axis=axis), X=x)
    return reshape_to(node, x, new)


def axes_of(node: OnnxNode, rank: int) -> tuple[int, ...] | None:
    """The axes of Squeeze and Unsqueeze in order: an attribute before opset 13, then an operand.

    Args:
        node: The node being read.
        rank: The number of dimensions that the axes count in.
    """
    if node.maybe(1) is not None:
        given = node.wholes(1, "axes")
    elif node.has("axes"):
        given = node.integers("axes")
    else:
        return None
    axes = sorted({node.axis(axis, rank) for axis in given})
    if len(axes) != len(given):
        raise node.unsupported(f"axes {list(given)} name a dimension twice")
    return tuple(axes)


@onnx_op("Squeeze", since=1)
def squeeze(node: OnnxNode) -> Value:
    x = node.input(0)
    axes = axes_of(node, x.rank)
    if axes is None and not x.type.is_static:
        raise node.unsupported(
            f"it removes every dimension of 1 from {list(x.shape)}, which are known only at run "
            "time. Fix the input shapes with --input-shape, or give the node axes"
        )
    if axes is None:
        axes = tuple(axis for axis, dim in enumerate(x.shape) if dim == 1)
    return node.add(ops.Squeeze2(axes=axes), X=x) if axes else x


@onnx_op("Unsqueeze", since=1)
def unsqueeze(node: OnnxNode) -> Value:
    x = node.input(0)
    count = len(node.integers("axes")) if node.maybe(1) is None else node.constant(1, "axes").size
    axes = axes_of(node, x.rank + count)
    if axes is None:
        raise node.unsupported("its axes are missing")
    return unsqueezed(node, x, axes) if axes else x
