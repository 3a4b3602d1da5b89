"""Reads Softmax, LogSoftmax and Hardmax in both meanings, and Dropout.

Before opset 13 they work on the matrix that the operand is when it is flattened at the
axis; since then along the axis alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import multiply, subtract, where_compared
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.activation import float_input
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import reduction as ops
from opt_tool.ir.operations.comparison import GreaterEqual, LessEqual
from opt_tool.ir.operations.elementwise import Exp, Log
from opt_tool.ir.operations.shape import FlattenContiguousRange, Reshape2, reshape_attribute
from opt_tool.ir.operations.shape import Shape as ShapeOf

AlongAxis: TypeAlias = Callable[[OnnxNode, Value, int], Value]


def softmax(node: OnnxNode, x: Value, axis: int) -> Value:
    return node.add(ops.Softmax(axis=axis), X=x)


def log_softmax(node: OnnxNode, x: Value, axis: int) -> Value:
    """x - max - log(sum(exp(x - max))); ``log_softmax`` is minus infinity beyond 87."""
    top = node.add(ops.ReduceMax(dim=(axis,), keep_dim=True), X=x)
    below = subtract(node, x, top)
    total = node.add(ops.ReduceSum(dim=(axis,), keep_dim=True), X=node.add(Exp(), X=below))
    return subtract(node, below, node.add(Log(), X=total))


def hardmax(node: OnnxNode, x: Value, axis: int) -> Value:
    """1 at the first of the largest elements along the axis, else 0."""
    top = node.add(ops.ReduceMax(dim=(axis,), keep_dim=True), X=x)
    at_top = converted(node.builder, compare(node.builder, GreaterEqual(), x, top), DType.FLOAT32)
    count = node.add(ops.CumSum(axis=axis), X=at_top)
    return multiply(node, at_top, where_compared(node, LessEqual(), count, 1))


KINDS: dict[str, AlongAxis] = {
    "Hardmax": hardmax,
    "LogSoftmax": log_softmax,
    "Softmax": softmax,
}


def _along_axis(node: OnnxNode) -> Value:
    x = float_input(node)
    axis = node.axis(node.integer("axis", -1), x.rank)
    return KINDS[node.operator](node, x, axis)


def _flattened(node: OnnxNode) -> Value:
    """The meaning before opset 13; where only one dimension is not 1 it is the same."""
    x = float_input(node)
    axis = node.axis(node.integer("axis", 1), x.rank) if x.rank > 1 else 0
    along = KINDS[node.operator]
    wide = [index for index in range(axis, x.rank) if x.shape[index] != 1]
    if len(wide) <= 1:
        return along(node, x, wide[0] if wide else x.rank - 1)
    flat = node.add(FlattenContiguousRange(start_axis=axis, stop_axis=x.rank - 1), X=x)
    result = along(node, flat, axis)
    shape = reshape_attribute(flat.shape, x.shape)
    if shape is not None:
        return node.add(Reshape2(shape=shape), X=result)
    return node.add(Reshape2(), X=result, Shape=node.add(ShapeOf(), Input=x))


for _name in KINDS:
    onnx_op(_name, since=1)(_flattened)
    onnx_op(_name, since=13)(_along_axis)


@onnx_op("Dropout", since=7)
def dropout(node: OnnxNode) -> tuple[Value, ...]:
    return _not_dropped(node)


@onnx_op("Dropout", since=12)
def dropout_in_training(node: OnnxNode) -> tuple[Value, ...]:
    if node.maybe_number(2, "training mode") and node.maybe_number(1, "ratio") != 0:
        raise node.unsupported("it is in training mode; export the model for inference")
    return _not_dropped(node)


def _not_dropped(node: OnnxNode) -> tuple[Value, ...]:
    """The operand itself, and a mask of which every element is true."""
    x = node.input(0)
    if not node.has_output(1):
        return (x,)
    if not x.type.is_static:
        raise node.unsupported("its mask is read; that needs fixed input shapes (--input-shape)")
    return x, node.new_constant(np.ones(node.made_up(*x.type.static_shape), np.bool_), "mask")
