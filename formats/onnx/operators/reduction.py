"""Reads reductions, the places of the largest elements, sums along an axis and TopK.

Where the axes stand has changed: an attribute first, an operand since opset 13 (ReduceSum)
or 18 (the others).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import add, divide, multiply, scaled, sign_of, subtract
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.activation import float_input
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import part
from opt_tool.formats.shapes import static_shape
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import reduction as ops
from opt_tool.ir.operations.data_movement import Concat, Flip, Slice
from opt_tool.ir.operations.elementwise import Abs, Exp, Log, Sqrt, Square
from opt_tool.ir.operations.shape import Squeeze2

WHOLE = (DType.INT32, DType.INT64)

OF_NOTHING: Mapping[type[ops.Reduction], float] = {
    ops.ReduceSum: 0.0,
    ops.ReduceProd: 1.0,
    ops.ReduceMax: -math.inf,
    ops.ReduceMin: math.inf,
    ops.ReduceMean: math.nan,
}
"""What no elements are reduced to."""


class Along(NamedTuple):
    """Which axes a node reduces, counted from the front, and whether they stay."""

    axes: tuple[int, ...]
    keep: bool


Reduce: TypeAlias = Callable[[OnnxNode, Value, Along], Value]


def reduced(node: OnnxNode, kind: type[ops.Reduction], x: Value, along: Along) -> Value:
    """X reduced by one operation; a constant where there are no elements."""
    shape = ops.without_axes(x.shape, set(along.axes), keep=along.keep)
    empty = any(x.shape[axis] == 0 for axis in along.axes)
    sizes = tuple(dim for dim in shape if isinstance(dim, int))
    if empty and len(sizes) == len(shape):
        number = OF_NOTHING[kind]
        if x.dtype in WHOLE:
            number = min(max(number, _limits(x.dtype)[0]), _limits(x.dtype)[1])
        return node.new_constant(np.full(node.made_up(*sizes), number, x.dtype.numpy))
    everything = len(along.axes) == x.rank
    dim = tuple(range(x.rank)) if everything else along.axes
    result = node.add(kind(dim=dim, keep_dim=along.keep, reduce_all=everything), X=x)
    return result if shape else node.add(Squeeze2(axes=(0,)), X=result)


def _limits(dtype: DType) -> tuple[int, int]:
    """The smallest and the largest number of a signed whole type."""
    bits = 8 * dtype.numpy.itemsize - 1
    return -(2**bits), 2**bits - 1


def _sum(node: OnnxNode, x: Value, along: Along) -> Value:
    return reduced(node, ops.ReduceSum, _computed(node, x), along)


def _prod(node: OnnxNode, x: Value, along: Along) -> Value:
    return reduced(node, ops.ReduceProd, _computed(node, x), along)


def _computed(node: OnnxNode, x: Value) -> Value:
    if x.dtype is DType.FLOAT32 or x.dtype in WHOLE or x.is_constant:
        return x
    raise node.unsupported(f"{x.dtype.value} operands; Paddle Lite has float32, int32 and int64")


def _mean(node: OnnxNode, x: Value, along: Along) -> Value:
    """The mean; of whole numbers the sum, divided and cut as onnxruntime does."""
    if x.dtype not in WHOLE:
        return reduced(node, ops.ReduceMean, float_input(node), along)
    sizes = tuple(dim for dim in (x.shape[axis] for axis in along.axes) if isinstance(dim, int))
    if len(sizes) != len(along.axes):
        raise node.unsupported("the mean of whole numbers, how many is known only at run time")
    count = node.new_constant(np.array([math.prod(sizes)], x.dtype.numpy), "count")
    return divide(node, reduced(node, ops.ReduceSum, x, along), count)


def _extreme(kind: type[ops.Reduction]) -> Reduce:
    """ReduceMax or ReduceMin; element types without a kernel are compared as float32.

    Whether any or all of bool is true, their sum and their product say.
    """

    def reduce(node: OnnxNode, x: Value, along: Along) -> Value:
        if x.dtype is DType.FLOAT32 or x.dtype in WHOLE or x.is_constant:
            return reduced(node, kind, x, along)
        number = converted(node.builder, x, DType.FLOAT32)
        if x.dtype is DType.BOOL:
            count = ops.ReduceSum if kind is ops.ReduceMax else ops.ReduceProd
            return converted(node.builder, reduced(node, count, number, along), x.dtype)
        if 0 in x.shape:
            raise node.unsupported(f"the extreme of no {x.dtype.value}")
        return converted(node.builder, reduced(node, kind, number, along), x.dtype)

    return reduce


def _l1(node: OnnxNode, x: Value, along: Along) -> Value:
    if x.dtype in WHOLE:
        size = multiply(node, x, sign_of(node, x))
    else:
        size = node.add(Abs(), X=float_input(node))
    return reduced(node, ops.ReduceSum, size, along)


def _sum_square(node: OnnxNode, x: Value, along: Along) -> Value:
    whole = x.dtype in WHOLE
    squared = multiply(node, x, x) if whole else node.add(Square(), X=float_input(node))
    return reduced(node, ops.ReduceSum, squared, along)


def _l2(node: OnnxNode, x: Value, along: Along) -> Value:
    float_input(node)
    return node.add(Sqrt(), X=_sum_square(node, x, along))


def _log_sum(node: OnnxNode, x: Value, along: Along) -> Value:
    float_input(node)
    return node.add(Log(), X=reduced(node, ops.ReduceSum, x, along))


def _log_sum_exp(node: OnnxNode, x: Value, along: Along) -> Value:
    """max + log(sum(exp(x - max))), which does not overflow."""
    float_input(node)
    top = reduced(node, ops.ReduceMax, x, Along(along.axes, keep=True))
    below = node.add(Exp(), X=subtract(node, x, top))
    total = node.add(Log(), X=reduced(node, ops.ReduceSum, below, along))
    if not along.keep and along.axes:
        top = node.add(Squeeze2(axes=along.axes), X=top)
    return add(node, total, top)


class Reader(NamedTuple):
    """How a reduction is built, and since which opset its axes are an operand."""

    build: Reduce
    operand_since: int = 18


READERS: Mapping[str, Reader] = {
    "ReduceL1": Reader(_l1),
    "ReduceL2": Reader(_l2),
    "ReduceLogSum": Reader(_log_sum),
    "ReduceLogSumExp": Reader(_log_sum_exp),
    "ReduceMax": Reader(_extreme(ops.ReduceMax)),
    "ReduceMean": Reader(_mean),
    "ReduceMin": Reader(_extreme(ops.ReduceMin)),
    "ReduceProd": Reader(_prod),
    "ReduceSum": Reader(_sum, operand_since=13),
    "ReduceSumSquare": Reader(_sum_square),
}


def _reduce(node: OnnxNode) -> Value:
    reader, x = READERS[node.operator], node.input(0)
    keep = node.integer("keepdims", 1) != 0
    if node.opset >= reader.operand_since:
        axes = node.maybe_wholes(1, "axes") or ()
        if not axes and node.integer("noop_with_empty_axes", 0):
            return _of_each(node, x)
    else:
        axes = node.integers("axes")
    counted = sorted({node.axis(axis, x.rank) for axis in axes} or range(x.rank))
    if not counted:
        return _of_each(node, x)  # a scalar has no axis
    return reader.build(node, x, Along(tuple(counted), keep))


def _of_each(node: OnnxNode, x: Value) -> Value:
    """What a reduction along no axis makes of each element."""
    if node.operator in ("ReduceL1", "ReduceL2"):
        return multiply(node, x, sign_of(node, x))
    if node.operator == "ReduceSumSquare":
        return multiply(node, x, x)
    return node.add(Log(), X=x) if node.operator == "ReduceLogSum" else x


for _name in READERS:
    onnx_op(_name, since=1)(_reduce)


# ---- places of the largest and smallest


def _arg_extreme(node: OnnxNode) -> Value:
    x = node.input(0)
    if x.rank == 0:
        return node.new_constant(np.zeros((), np.int64))
    axis = node.axis(node.integer("axis", 0), x.rank)
    if x.dtype not in (DType.FLOAT32, *WHOLE):
        x = converted(node.builder, x, DType.FLOAT32)
    if node.operator == "ArgMin":
        x = scaled(node, x, -1.0)
    op = ops.ArgMax(axis=axis, keepdims=node.integer("keepdims", 1) != 0)
    if not node.integer("select_last_index", 0):
        return node.add(op, X=x)
    size = x.shape[axis]
    if not isinstance(size, int):
        raise node.unsupported("the last of equal elements along an axis of unknown size")
    if x.dtype is DType.INT32:
        x = converted(node.builder, x, DType.INT64)  # flip has float32 and int64
    place = node.add(op, X=node.add(Flip(axis=(axis,)), X=x))
    return scaled(node, place, -1.0, size - 1)


onnx_op("ArgMax", since=1)(_arg_extreme)
onnx_op("ArgMin", since=1)(_arg_extreme)


@onnx_op("CumSum", since=11)
def cumsum(node: OnnxNode) -> Value:
    x = node.input(0)
    op = ops.CumSum(
        axis=node.axis(node.whole(1, "axis"), x.rank),
        exclusive=node.integer("exclusive", 0) != 0,
        reverse=node.integer("reverse", 0) != 0,
    )
    return node.add(op, X=_computed(node, x))


@onnx_op("CumProd", since=26)
def cumprod(node: OnnxNode) -> Value:
    """Products of ever more elements: each step joins twice as many as the one before."""
    x = _computed(node, node.input(0))
    axis = node.axis(node.whole(1, "axis"), x.rank)
    length, backwards = x.shape[axis], node.integer("reverse", 0) != 0
    if not isinstance(length, int):
        raise node.unsupported(
            f"it multiplies {length} elements, known only at run time. Fix the input shapes with "
            "--input-shape"
        )
    if node.integer("exclusive", 0) != 0:
        shape = list(static_shape(node, x, "data"))
        shape[axis] = min(length, 1)
        one = node.new_constant(np.ones(node.made_up(*shape), x.dtype.numpy), "one")
        x = _shifted(node, x, one, axis, backwards=backwards)
    for step in (2**power for power in range(max(length - 1, 0).bit_length())):
        product = multiply(node, *(part(node, x, axis, i, length - step + i) for i in (step, 0)))
        start = length - step if backwards else 0
        kept = part(node, x, axis, start, start + step)
        parts = [product, kept] if backwards else [kept, product]
        x = node.add(Concat(axis=axis), X=parts)
    return x


def _shifted(node: OnnxNode, x: Value, edge: Value, axis: int, *, backwards: bool) -> Value:
    """X moved on by one element along an axis, with an edge where there was none."""
    length = x.shape[axis]
    assert isinstance(length, int)
    if length < 2:
        return edge
    kept = part(node, x, axis, int(backwards), length - 1 + int(backwards))
    return node.add(Concat(axis=axis), X=[kept, edge] if backwards else [edge, kept])


# ---- the k largest


@onnx_op("TopK", since=1)
def top_k_by_attribute(node: OnnxNode) -> tuple[Value, ...]:
    return _top_k(node, node.integer("k", 0), largest=True)


@onnx_op("TopK", since=10)
def top_k_by_operand(node: OnnxNode) -> tuple[Value, ...]:
    k = node.whole(1, "number of elements")
    return _top_k(node, k, largest=node.integer("largest", 1) != 0)


def _top_k(node: OnnxNode, k: int, *, largest: bool) -> tuple[Value, ...]:
    """``top_k_v2`` in float32, else ``argsort`` and a slice. The result is always sorted."""
    x = node.input(0)
    axis = node.axis(node.integer("axis", -1), x.rank)
    if x.dtype in WHOLE:
        ordered = node.add_all(ops.ArgSort(axis=axis, descending=largest), X=x)
        first = Slice(axes=(axis,), starts=(0,), ends=(k,), infer_flags=(1,))
        return tuple(node.add(first, Input=value) for value in ordered)
    number = converted(node.builder, x, DType.FLOAT32)
    if not largest:
        number = scaled(node, number, -1.0)
    values, places = node.add_all(ops.TopKV2(k=k, axis=axis), X=number)
    if not largest:
        values = scaled(node, values, -1.0)
    return converted(node.builder, values, x.dtype), places
