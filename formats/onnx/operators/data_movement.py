"""Reads operators that move elements: Concat, Split, Transpose, Expand, Tile and others."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.casting import MOVABLE, as_int32, carried
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import transposed
from opt_tool.ir import DType, Shape, ShapeError, Value
from opt_tool.ir.operations import data_movement as ops
from opt_tool.ir.operations.creation import FillConstant
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.shape import INFER
from opt_tool.ir.types import broadcast, factors, product


@onnx_op("Identity", since=1)
def identity(node: OnnxNode) -> Value:
    return node.input(0)


@onnx_op("Concat", since=4)
def concat(node: OnnxNode) -> Value:
    values = [node.input(index) for index in range(len(node.inputs))]
    return joined(node, values, node.axis(node.integer("axis", 0), values[0].rank))


def joined(node: OnnxNode, values: list[Value], axis: int) -> Value:
    """Tensors side by side along an axis that they have."""
    if any(value.rank != values[0].rank for value in values):
        raise node.unsupported(f"it joins tensors of {[value.rank for value in values]} dimensions")
    # the runtime's kernels do not expect a tensor of no elements
    parts = [value for value in values if value.shape[axis] != 0] or values[:1]
    if len(parts) == 1:
        return parts[0]
    return carried(node, parts, lambda *xs: node.add(ops.Concat(axis=axis), X=xs))


@onnx_op("Transpose", since=1)
def transpose(node: OnnxNode) -> Value:
    x = node.input(0)
    order = node.integers("perm", tuple(reversed(range(x.rank))))
    return transposed(node, x, tuple(node.axis(axis, x.rank) for axis in order))


# ---- Split


@onnx_op("Split", since=2)
def split(node: OnnxNode) -> tuple[Value, ...]:
    x = node.input(0)
    axis = node.axis(node.integer("axis", 0), x.rank)
    sections = node.integers("split") if node.maybe(1) is None else node.wholes(1, "sections")
    op = ops.Split(axis=axis, sections=sections) if sections else _even_split(node, x, axis)
    return parted(node, x, op)


def parted(node: OnnxNode, x: Value, op: ops.Split) -> tuple[Value, ...]:
    """The parts of a split, of which some may have no elements."""
    if max(op.num, len(op.sections)) == 1:
        return (x,)
    if 0 in op.sections:
        return _split_with_empty_parts(node, x, op)
    return _cut(node, x, op)


def _cut(node: OnnxNode, x: Value, op: ops.Split) -> tuple[Value, ...]:
    if x.dtype in MOVABLE or x.is_constant:
        return node.add_all(op, X=x)
    raise node.unsupported(f"it splits a {x.dtype.value} tensor; Paddle Lite has no kernel for it")


def _split_with_empty_parts(node: OnnxNode, x: Value, op: ops.Split) -> tuple[Value, ...]:
    """The parts of a split of which some have no elements, which the kernel does not make."""
    full = tuple(size for size in op.sections if size)
    cut = _cut(node, x, ops.Split(axis=op.axis, sections=full)) if len(full) > 1 else (x,)
    parts = iter(cut)
    shape = list(x.shape)
    shape[op.axis] = 0
    sizes = [dim for dim in shape if isinstance(dim, int)]
    if len(sizes) < len(shape):
        raise node.unsupported(f"it takes nothing of {list(x.shape)}")
    return tuple(
        next(parts) if size else node.new_constant(np.zeros(sizes, x.dtype.numpy), "empty")
        for size in op.sections
    )


def _even_split(node: OnnxNode, x: Value, axis: int) -> ops.Split:
    """The split into as many parts as the node has outputs, the last of which may be smaller."""
    size = x.shape[axis]
    count = node.integer("num_outputs", node.output_count)
    if factors(size)[0] % count == 0:
        return ops.Split(axis=axis, num=count)
    if not isinstance(size, int):
        raise node.unsupported(
            f"whether {size} divides into {count} equal parts is known only at run time. "
            "Fix the input shapes with --input-shape"
        )
    if node.opset < 18:
        raise node.unsupported(f"a dimension of {size} does not divide into {count} parts")
    part = math.ceil(size / count)
    return ops.Split(axis=axis, sections=(*(part,) * (count - 1), size - part * (count - 1)))


# ---- Expand and Tile


@onnx_op("Expand", since=8)
def expand(node: OnnxNode) -> Value:
    x, operand = node.input(0), node.input(1)
    if operand.elements is None and not operand.is_constant:
        return _expand_by_adding(node, x, operand)
    try:
        new = broadcast(x.shape, node.dims(1, "shape"))
    except ValueError as error:
        raise ShapeError(str(error)) from error
    if product(new) == 0:
        return node.new_constant(np.zeros([int(dim) for dim in new], x.dtype.numpy), "empty")
    attribute = _expand_attribute(x.shape, new)
    if attribute is not None:
        return expanded(node, x, attribute)
    if _only_widens(x.shape, new):
        return node.add(ops.ExpandV2(), X=x, Shape=as_int32(node, operand))
    return _expand_by_adding(node, x, operand)


def expanded(node: OnnxNode, x: Value, shape: tuple[int, ...]) -> Value:
    """X repeated to a shape, in which -1 keeps the dimension; x itself where nothing changes."""
    kept = all(dim in (INFER, old) for dim, old in zip(shape, x.shape, strict=False))
    if len(shape) == x.rank and kept:
        return x
    native = MOVABLE | {DType.BOOL}
    op = ops.ExpandV2(shape=shape)
    return carried(node, [x], lambda value: node.add(op, X=value), native=native)


def _expand_attribute(old: Shape, new: Shape) -> tuple[int, ...] | None:
    """The new shape in numbers, -1 where it keeps a symbol; None where that does not do."""
    padded = (1,) * (len(new) - len(old)) + old
    attribute: list[int] = []
    for before, after in zip(padded, new, strict=True):
        if isinstance(after, int):
            attribute.append(after)
        elif before == after:
            attribute.append(INFER)
        else:
            return None
    return tuple(attribute)


def _only_widens(old: Shape, new: Shape) -> bool:
    """Whether every new dimension is the old one, or the old one is 1."""
    padded = (1,) * (len(new) - len(old)) + old
    return all(before in (1, after) for before, after in zip(padded, new, strict=True))


def _expand_by_adding(node: OnnxNode, x: Value, shape: Value) -> Value:
    """X plus zeros of a shape that may be smaller than that of x in places."""

    def add_zeros(value: Value) -> Value:
        zeros = node.add(FillConstant(dtype=value.dtype), ShapeTensor=as_int32(node, shape))
        return node.add(ElementwiseAdd(), X=value, Y=zeros)

    return carried(node, [x], add_zeros, beside=(shape,))


@onnx_op("Tile", since=6)
def tile(node: OnnxNode) -> Value:
    x, repeats = node.input(0), node.input(1)
    native = MOVABLE | {DType.BOOL, DType.INT8}
    if not repeats.is_constant:
        times = as_int32(node, repeats)
        return carried(
            node,
            [x],
            lambda value: node.add(ops.Tile(), X=value, RepeatTimes=times),
            native=native,
            beside=(times,),
        )
    counts = node.wholes(1, "repeats")
    if all(count == 1 for count in counts):
        return x
    if 0 in counts:
        op = ops.Tile(repeat_times=counts)
        raise node.unsupported(f"its result {op.repeat_times} times the operand has no elements")
    op = ops.Tile(repeat_times=counts)
    return carried(node, [x], lambda value: node.add(op, X=value), native=native)
