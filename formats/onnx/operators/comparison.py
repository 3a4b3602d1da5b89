"""Reads comparisons, logic, choice, and changes of the element type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opt_tool.formats.bits import lower_bits, narrowed
from opt_tool.formats.broadcasting import compare, equal, expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.onnx.messages import TensorProto
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.tensors import KEPT, dtype_of, element_type
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import comparison as ops

ORDERS: Mapping[str, ops.Comparison] = {
    "Greater": ops.GreaterThan(),
    "GreaterOrEqual": ops.GreaterEqual(),
    "Less": ops.LessThan(),
    "LessOrEqual": ops.LessEqual(),
}

LOGIC: Mapping[str, ops.LogicalBinary] = {
    "And": ops.LogicalAnd(),
    "Or": ops.LogicalOr(),
    "Xor": ops.LogicalXor(),
}

COMPARED = (DType.FLOAT32, DType.INT32, DType.INT64)
CHOSEN = (*COMPARED, DType.BOOL)
"""The element types that the kernels for comparison and choice have."""

UNSIGNED: Mapping[int, int] = {
    TensorProto.UINT8: 8,
    TensorProto.UINT16: 16,
    TensorProto.UINT32: 32,
}
"""The bits of unsigned element types, around which whole numbers wrap when cast."""


def _operands(node: OnnxNode, first: int, kept: Sequence[DType]) -> tuple[Value, Value]:
    """Two operands, in float32 where their element type has no kernel."""
    x, y = node.input(first), node.input(first + 1)
    if x.dtype in kept:
        return x, y
    return converted(node.builder, x, DType.FLOAT32), converted(node.builder, y, DType.FLOAT32)


def _order(node: OnnxNode) -> Value:
    x, y = _operands(node, 0, COMPARED)
    return compare(node.builder, ORDERS[node.operator], x, y)


for _name, _since in (("Greater", 7), ("Less", 7), ("GreaterOrEqual", 12), ("LessOrEqual", 12)):
    onnx_op(_name, since=_since)(_order)


@onnx_op("Equal", since=7)
def equal_to(node: OnnxNode) -> Value:
    x, y = _operands(node, 0, COMPARED)
    if x.dtype is DType.FLOAT32:
        return equal(node.builder, x, y)
    return compare(node.builder, ops.Equal(), x, y)


def _logic(node: OnnxNode) -> Value:
    x, y = expanded_together(node.builder, node.input(0), node.input(1))
    return node.add(LOGIC[node.operator], X=x, Y=y)


for _name in LOGIC:
    onnx_op(_name, since=7)(_logic)


@onnx_op("Not", since=1)
def logical_not(node: OnnxNode) -> Value:
    return node.add(ops.LogicalNot(), X=node.input(0))


@onnx_op("Where", since=9)
def where(node: OnnxNode) -> Value:
    dtype = node.input(1).dtype
    x, y = _operands(node, 1, CHOSEN)
    condition, x, y = expanded_together(node.builder, node.input(0), x, y)
    return converted(node.builder, node.add(ops.Where(), Condition=condition, X=x, Y=y), dtype)


# ---- element types


@onnx_op("Cast", since=6)
def cast(node: OnnxNode) -> Value:
    return _cast_to(node, node.integer("to", 0))


@onnx_op("CastLike", since=15)
def cast_like(node: OnnxNode) -> Value:
    return _cast_to(node, KEPT[node.input(1).dtype])


def _cast_to(node: OnnxNode, to: int) -> Value:
    x, dtype = node.input(0), dtype_of(to)
    if x.is_constant and not dtype.is_float:
        target = element_type(to)
        with np.errstate(invalid="ignore"):
            exact = x.array().astype(target).astype(dtype.numpy)
        return node.new_constant(exact, "cast")
    if x.dtype in (DType.INT32, DType.INT64):
        if to in UNSIGNED:
            x = lower_bits(node, converted(node.builder, x, DType.INT64), UNSIGNED[to])
        if to == TensorProto.UINT64:
            raise node.unsupported("a cast of signed numbers to uint64, which Paddle Lite lacks")
        return narrowed(node, x, dtype)
    return converted(node.builder, x, dtype)
