"""Reads quantized operators as what they stand for in float32.

Paddle Lite's float kernels compute them: a quantized tensor is the whole numbers that it
holds, cast to its element type only where something else reads it. Results are those of
the integer operators but for sums beyond 2**24, which float32 rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import add, divide, multiply, rounded, scalar, scaled, subtract
from opt_tool.formats.onnx.functions import expand_in_place
from opt_tool.formats.onnx.messages import TensorProto
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.convolution import conv
from opt_tool.formats.onnx.operators.matmul import multiplied
from opt_tool.formats.onnx.quantized_operators import (
    CONCAT,
    LSTM,
    MICROSOFT,
    QUANTIZED_OPERATORS,
    STANDARD,
    expanded,
    is_quantized_operator,
)
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.tensors import KEPT, dtype_of
from opt_tool.formats.shapes import reshape_to
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import comparison, elementwise
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.reduction import ReduceMax, ReduceMin
from opt_tool.ir.operations.shape import Squeeze2

RANGES: Mapping[DType, tuple[float, float]] = {
    DType.UINT8: (0, 255),
    DType.INT8: (-128, 127),
    DType.INT16: (-32768, 32767),
}
"""The numbers that a quantized element type holds."""

UINT16_RANGE = (0, 65535)
"""uint16 has no counterpart in the graph; int32 stands for it."""

Axis: TypeAlias = int | None


# ---- from numbers to quantized tensors and back


def numbers_of(node: OnnxNode, x: Value) -> Value:
    """The whole numbers of a quantized tensor in float32.

    Those that were cast only because ONNX says so are taken from before the cast.
    """
    made = x.producer
    if made is not None and isinstance(made.op, elementwise.Cast):
        source = made.input("X")
        if source.dtype is DType.FLOAT32 and x.dtype in RANGES:
            return source
    return converted(node.builder, x, DType.FLOAT32)


def restored(node: OnnxNode, x: Value, scale: Value, zero: Value | None, axis: Axis) -> Value:
    """(x - zero) * scale, along an axis where they are vectors."""
    numbers = _centred(node, x, zero, axis)
    return multiply(node, numbers, along_axis(node, scale, axis, x.rank))


def _centred(node: OnnxNode, x: Value, zero: Value | None, axis: Axis) -> Value:
    """x - zero in float32."""
    numbers = numbers_of(node, x)
    if zero is None or (zero.is_constant and not np.any(zero.array())):
        return numbers
    zeros = along_axis(node, numbers_of(node, zero), axis, x.rank)
    return subtract(node, numbers, zeros)


def quantized(
    node: OnnxNode, x: Value, scale: Value, zero: Value | None, axis: Axis, elem_type: int
) -> Value:
    """round(x / scale) + zero within the range of an element type, and in it."""
    dtype = dtype_of(elem_type)
    bounds = UINT16_RANGE if elem_type == TensorProto.UINT16 else RANGES.get(dtype)
    if bounds is None:
        raise node.unsupported(f"it quantizes to {dtype.value}; 8 and 16 bits are supported")
    number = rounded(node, divide(node, x, along_axis(node, scale, axis, x.rank)))
    if zero is not None and not (zero.is_constant and not np.any(zero.array())):
        number = add(node, number, along_axis(node, numbers_of(node, zero), axis, x.rank))
    number = node.add(elementwise.Clip(min=bounds[0], max=bounds[1]), X=number)
    op = elementwise.Cast(in_dtype=DType.FLOAT32, out_dtype=dtype)
    return node.add(op, X=number)


def along_axis(node: OnnxNode, parameter: Value, axis: Axis, rank: int) -> Value:
    """A scale or a zero point as it broadcasts along an axis of a tensor."""
    if axis is None or parameter.type.size == 1 or parameter.rank != 1:
        return parameter
    return reshape_to(node, parameter, (parameter.shape[0], *(1,) * (rank - 1 - axis)))


def _axis(node: OnnxNode, x: Value, default: int) -> Axis:
    axis = node.integer("axis", default)
    return axis % x.rank if -x.rank <= axis < x.rank else None


def _blocks(node: OnnxNode, x: Value, parameter: Value | None, axis: Axis) -> Value | None:
    """A parameter that holds for blocks of elements, repeated for each element."""
    size = node.integer("block_size", 0)
    if size == 0 or parameter is None:
        return parameter
    length = None if axis is None else x.shape[axis]
    if axis is None or not isinstance(length, int) or not parameter.is_constant:
        raise node.unsupported("blocks of scales; both they and the shape must be fixed")
    repeated = np.repeat(parameter.array(), size, axis)
    return node.new_constant(np.take(repeated, range(length), axis), "blocks")


def _parameters(node: OnnxNode, x: Value) -> tuple[Value, Value | None, Axis]:
    """The scale, the zero point if there is one, and the axis along which they change."""
    axis = _axis(node, x, 1)
    scale, zero = (
        _blocks(node, x, parameter, axis) for parameter in (node.input(1), node.maybe(2))
    )
    assert scale is not None
    return scale, zero, axis


@onnx_op("DequantizeLinear", since=10)
def dequantize_linear(node: OnnxNode) -> Value:
    x = node.input(0)
    scale, zero, axis = _parameters(node, x)
    return restored(node, x, scale, zero, axis)


@onnx_op("QuantizeLinear", since=10)
def quantize_linear(node: OnnxNode) -> Value:
    x = node.input(0)
    scale, zero, axis = _parameters(node, x)
    if node.integer("precision", 0) not in (0, TensorProto.FLOAT):
        raise node.unsupported("its precision is not float32, in which Paddle Lite computes")
    number = converted(node.builder, x, DType.FLOAT32)
    return quantized(node, number, scale, zero, axis, _output_type(node, 2))


def _output_type(node: OnnxNode, zero: int) -> int:
    """The element type of a quantized output: an attribute, that of the zero point, or uint8."""
    given = node.integer("output_dtype", 0)
    value = node.maybe(zero)
    if given != 0 or value is None:
        return given or TensorProto.UINT8
    if value.dtype is DType.INT32:
        return TensorProto.UINT16
    return KEPT[value.dtype]


@onnx_op("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node: OnnxNode) -> tuple[Value, Value, Value]:
    """Quantizes to uint8 by the range of the operand, which always holds 0."""
    x = node.input(0)
    axes = tuple(range(x.rank))
    zero = node.new_constant(np.zeros(1, np.float32))
    ends = []
    for reduce, op in (
        (ReduceMin, elementwise.ElementwiseMin()),
        (ReduceMax, elementwise.ElementwiseMax()),
    ):
        end = node.add(reduce(dim=axes, reduce_all=True), X=x)
        ends.append(node.add(op, X=end, Y=zero))
    low, high = ends
    width = divide(node, subtract(node, high, low), scalar(node, 255, zero))
    empty = compare(node.builder, comparison.LessEqual(), width, zero)
    scale = add(node, width, converted(node.builder, empty, DType.FLOAT32))
    offset = rounded(node, divide(node, scaled(node, low, -1.0), scale))
    centre = node.add(elementwise.Clip(min=0.0, max=255.0), X=offset)
    cast = elementwise.Cast(in_dtype=DType.FLOAT32, out_dtype=DType.UINT8)
    point = node.add(cast, X=centre)
    y = quantized(node, x, scale, point, None, TensorProto.UINT8)
    scalar_of = Squeeze2(axes=(0,))
    return y, node.add(scalar_of, X=scale), node.add(scalar_of, X=point)


# ---- operators on quantized tensors


def _float_node(node: OnnxNode, inputs: Sequence[Value | None]) -> OnnxNode:
    """The node with other operands, for the importer of its float counterpart."""
    return OnnxNode(node.reader, node.proto, node.name, inputs, node.scope)


@onnx_op("ConvInteger", since=10)
def conv_integer(node: OnnxNode) -> Value:
    x = _centred(node, node.input(0), node.maybe(2), None)
    weight = _centred(node, node.input(1), node.maybe(3), 0)
    return converted(node.builder, conv(_float_node(node, (x, weight, None))), DType.INT32)


@onnx_op("MatMulInteger", since=10)
def matmul_integer(node: OnnxNode) -> Value:
    a, b = node.input(0), node.input(1)
    x = _centred(node, a, node.maybe(2), a.rank - 2)
    y = _centred(node, b, node.maybe(3), b.rank - 1)
    return converted(node.builder, multiplied(node, x, y, MatMulV2()), DType.INT32)


def _quantized(node: OnnxNode) -> Sequence[Value | None]:
    if not is_quantized_operator(node.proto):
        raise node.unsupported("its channels stand last (channels_last)")
    return expand_in_place(node, expanded(node.proto))


for _name in (*QUANTIZED_OPERATORS, CONCAT, LSTM):
    _domain = "" if _name in STANDARD else MICROSOFT
    onnx_op(_name, since=1, domain=_domain)(_quantized)


@onnx_op("QuantizeLinear", since=1, domain=MICROSOFT)
def quantize_linear_of_microsoft(node: OnnxNode) -> Value:
    return quantize_linear(node)


@onnx_op("DequantizeLinear", since=1, domain=MICROSOFT)
def dequantize_linear_of_microsoft(node: OnnxNode) -> Value:
    return dequantize_linear(node)
