"""Reads operators that make tensors: Constant, ConstantOfShape, Range, EyeLike, OneHot, Trilu."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.formats.casting import CARRIERS, as_int32, cast
from opt_tool.formats.indices import may_be_negative
from opt_tool.formats.one_hot import between, hot
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.tensors import dtype_of
from opt_tool.formats.shapes import transposed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import creation as ops
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul, Scale

FILLABLE = frozenset({DType.FLOAT32, DType.INT32, DType.INT64, DType.INT8, DType.BOOL})
ONE_HOT_TYPES = frozenset({DType.FLOAT32, DType.INT32, DType.INT64})


@onnx_op("Constant", since=1)
def constant(node: OnnxNode) -> Value:
    if node.has("value"):
        return node.new_constant(node.tensor("value"), "value")
    for name, read in NUMBERS.items():
        if node.has(name):
            return node.new_constant(read(node, name), "value")
    names = ", ".join(attribute.name for attribute in node.proto.attribute)
    raise node.unsupported(f"its contents ({names}) are not a dense tensor of numbers")


NUMBERS: Mapping[str, Callable[[OnnxNode, str], np.ndarray]] = {
    "value_float": lambda node, name: np.array(node.real(name, 0.0), np.float32),
    "value_floats": lambda node, name: np.array(node.reals(name), np.float32),
    "value_int": lambda node, name: np.array(node.integer(name, 0), np.int64),
    "value_ints": lambda node, name: np.array(node.integers(name), np.int64),
}
"""How Constant holds numbers that are not a tensor."""


@onnx_op("ConstantOfShape", since=9)
def constant_of_shape(node: OnnxNode) -> Value:
    shape = node.input(0)
    value = node.tensor("value") if node.has("value") else np.zeros(1, np.float32)
    if value.size != 1:
        raise node.unsupported(f"a value of {value.size} elements; one is needed")
    if shape.is_constant:
        sizes = node.made_up(*node.wholes(0, "shape"))
        return node.new_constant(np.full(sizes, value.reshape(-1)[0]), "filled")
    dtype = DType.of(value.dtype)
    made = dtype if dtype in FILLABLE else CARRIERS.get(dtype)
    if made is None:
        raise node.unsupported(f"it fills a {dtype.value} tensor; Paddle Lite has no kernel for it")
    op = ops.FillConstant(dtype=made, value=float(value.reshape(-1)[0]))
    exact = node.new_constant(value.reshape(1), "value") if dtype is DType.INT64 else None
    filled = node.add(op, ShapeTensor=as_int32(node, shape), ValueTensor=exact)
    return cast(node, filled, dtype)


@onnx_op("Range", since=11)
def range_(node: OnnxNode) -> Value:
    start, end, step = (node.input(index) for index in range(3))
    if start.dtype not in ONE_HOT_TYPES and not all(v.is_constant for v in (start, end, step)):
        raise node.unsupported(f"a range of {start.dtype.value}; Paddle Lite has no kernel for it")
    return node.add(ops.Range(), Start=start, End=end, Step=step)


@onnx_op("EyeLike", since=9)
def eye_like(node: OnnxNode) -> Value:
    x = node.input(0)
    if not x.type.is_static or x.rank != 2:
        raise node.unsupported(
            f"it makes a matrix like {x.type}; only matrices of known size are supported. "
            "Fix the input shapes with --input-shape"
        )
    dtype = dtype_of(node.integer("dtype", 0)) if node.has("dtype") else x.dtype
    rows, columns = node.made_up(*x.type.static_shape)
    return node.new_constant(np.eye(rows, columns, node.integer("k", 0), dtype.numpy), "eye")


# ---- OneHot


@onnx_op("OneHot", since=9)
def one_hot(node: OnnxNode) -> Value:
    indices, values = node.input(0), node.input(2)
    depth = node.whole(1, "depth")
    axis = node.axis(node.integer("axis", -1), indices.rank + 1)
    if values.dtype not in ONE_HOT_TYPES:
        raise node.unsupported(f"its values are {values.dtype.value}; cast them in the model")
    whole = indices if indices.dtype is DType.INT32 else cast(node, indices, DType.INT64)
    marks = hot(node, whole, depth, values.dtype)
    if may_be_negative(whole):
        # an index from -depth to -1 counts from the end; what is outside of both is all off
        counted = node.add(Scale(bias=float(depth)), X=whole)
        marks = node.add(ElementwiseAdd(), X=marks, Y=hot(node, counted, depth, values.dtype))
    chosen = between(node, marks, node.constant(2, "values"))
    order = list(range(indices.rank))
    order.insert(axis, indices.rank)
    return transposed(node, chosen, tuple(order))


# ---- Trilu


@onnx_op("Trilu", since=14)
def trilu(node: OnnxNode) -> Value:
    x = node.input(0)
    if x.rank < 2:
        raise node.unsupported(f"it takes a triangle of {x.type}, which has no matrices")
    diagonal = node.maybe_whole(1, "diagonal") or 0
    lower = not node.integer("upper", 1)
    if x.dtype is DType.FLOAT32 or x.is_constant:
        limit = 2**31 - 1
        op = ops.TrilTriu(diagonal=min(max(diagonal, -limit), limit), lower=lower)
        return node.add(op, X=x)
    rows, columns = x.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise node.unsupported(
            f"it takes a triangle of {x.type}; of tensors that are not float32 the matrices must "
            "have a known size. Fix the input shapes with --input-shape"
        )
    carrier = CARRIERS.get(x.dtype, x.dtype)
    ones = np.ones(node.made_up(rows, columns), carrier.numpy)
    mask = np.tril(ones, diagonal) if lower else np.triu(ones, diagonal)
    kept = node.add(
        ElementwiseMul(), X=cast(node, x, carrier), Y=node.new_constant(mask, "triangle")
    )
    return cast(node, kept, x.dtype)
