"""Reads functions of one operand.

Paddle Lite has the common ones. The others are built from them, so that they are exact to
float32: rounding to even from ``floor``, the inverse trigonometric functions from a
polynomial after halving the angle, the hyperbolic ones from ``exp`` and ``log``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.elementary import (
    FLOAT_MAX,
    add,
    arc_tangent,
    divide,
    multiply,
    rounded,
    scalar,
    scaled,
    sign_of,
    subtract,
)
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.activation import float_input
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import comparison
from opt_tool.ir.operations.elementwise import (
    Abs,
    Cos,
    Erf,
    Exp,
    Floor,
    Log,
    Reciprocal,
    Sin,
    Sqrt,
    Square,
)

DIRECT: Mapping[str, Operation] = {
    "Cos": Cos(),
    "Erf": Erf(),
    "Exp": Exp(),
    "Log": Log(),
    "Reciprocal": Reciprocal(),
    "Sin": Sin(),
    "Sqrt": Sqrt(),
}
"""ONNX operators that are one operation in float32."""


WHOLE = (DType.INT32, DType.INT64)


def _direct(node: OnnxNode) -> Value:
    return node.add(DIRECT[node.operator], X=float_input(node))


for _name in DIRECT:
    onnx_op(_name, since=1)(_direct)


@onnx_op("Abs", since=1)
def absolute(node: OnnxNode) -> Value:
    x = node.input(0)
    return multiply(node, x, sign_of(node, x)) if x.dtype in WHOLE else _float(node, Abs())


def _float(node: OnnxNode, op: Operation) -> Value:
    return node.add(op, X=float_input(node))


@onnx_op("Neg", since=1)
def negative(node: OnnxNode) -> Value:
    x = node.input(0)
    return scaled(node, x, -1.0) if x.dtype in WHOLE else scaled(node, float_input(node), -1.0)


@onnx_op("Sign", since=9)
def sign(node: OnnxNode) -> Value:
    x = node.input(0)
    return sign_of(node, x if x.dtype in WHOLE else float_input(node))


@onnx_op("Floor", since=1)
def floor(node: OnnxNode) -> Value:
    return _float(node, Floor())


@onnx_op("Ceil", since=1)
def ceil(node: OnnxNode) -> Value:
    below = node.add(Floor(), X=scaled(node, float_input(node), -1.0))
    return scaled(node, below, -1.0)


@onnx_op("Round", since=11)
def round_to_even(node: OnnxNode) -> Value:
    return rounded(node, float_input(node))


# ---- trigonometry


@onnx_op("Tan", since=7)
def tan(node: OnnxNode) -> Value:
    x = float_input(node)
    return divide(node, node.add(Sin(), X=x), node.add(Cos(), X=x))


@onnx_op("Atan", since=7)
def atan(node: OnnxNode) -> Value:
    return arc_tangent(node, float_input(node))


@onnx_op("Asin", since=7)
def asin(node: OnnxNode) -> Value:
    return _arc_sine(node, float_input(node))


@onnx_op("Acos", since=7)
def acos(node: OnnxNode) -> Value:
    return scaled(node, _arc_sine(node, float_input(node)), -1.0, math.pi / 2)


def _arc_sine(node: OnnxNode, x: Value) -> Value:
    """2 * atan(x / (1 + sqrt(1 - x²)))"""
    rest = multiply(node, scaled(node, x, -1.0, 1.0), scaled(node, x, 1.0, 1.0))
    whole = scaled(node, node.add(Sqrt(), X=rest), 1.0, 1.0)
    return scaled(node, arc_tangent(node, divide(node, x, whole)), 2.0)


# ---- hyperbolic functions


def _exponentials(node: OnnxNode, x: Value) -> tuple[Value, Value]:
    """exp(x) / 2 and exp(-x) / 2, which stay finite as long as the functions do."""
    shift = -math.log(2)
    return (
        node.add(Exp(), X=scaled(node, x, 1.0, shift)),
        node.add(Exp(), X=scaled(node, x, -1.0, shift)),
    )


@onnx_op("Sinh", since=9)
def sinh(node: OnnxNode) -> Value:
    return subtract(node, *_exponentials(node, float_input(node)))


@onnx_op("Cosh", since=9)
def cosh(node: OnnxNode) -> Value:
    return add(node, *_exponentials(node, float_input(node)))


@onnx_op("Asinh", since=9)
def asinh(node: OnnxNode) -> Value:
    """sign(x) * log(|x| + sqrt(x² + 1))"""
    x = float_input(node)
    size = node.add(Abs(), X=x)
    root = node.add(Sqrt(), X=scaled(node, node.add(Square(), X=x), 1.0, 1.0))
    return multiply(node, node.add(Log(), X=add(node, size, root)), sign_of(node, x))


@onnx_op("Acosh", since=9)
def acosh(node: OnnxNode) -> Value:
    """log(x + sqrt(x - 1) * sqrt(x + 1))"""
    x = float_input(node)
    below = node.add(Sqrt(), X=scaled(node, x, 1.0, -1.0))
    above = node.add(Sqrt(), X=scaled(node, x, 1.0, 1.0))
    return node.add(Log(), X=add(node, x, multiply(node, below, above)))


@onnx_op("Atanh", since=9)
def atanh(node: OnnxNode) -> Value:
    """log((1 + x) / (1 - x)) / 2"""
    x = float_input(node)
    ratio = divide(node, scaled(node, x, 1.0, 1.0), scaled(node, x, -1.0, 1.0))
    return scaled(node, node.add(Log(), X=ratio), 0.5)


# ---- what is not a number


@onnx_op("IsNaN", since=9)
def is_nan(node: OnnxNode) -> Value:
    x = float_input(node)
    ordered = node.add(comparison.LessEqual(), X=x, Y=x)
    return node.add(comparison.LogicalNot(), X=ordered)


@onnx_op("IsInf", since=10)
def is_inf(node: OnnxNode) -> Value:
    x = float_input(node)
    positive, negative = node.integer("detect_positive", 1), node.integer("detect_negative", 1)
    if positive and negative:
        x = node.add(Abs(), X=x)
    if positive:
        limit = scalar(node, FLOAT_MAX, x)
        return compare(node.builder, comparison.GreaterThan(), x, limit)
    if negative:
        limit = scalar(node, -FLOAT_MAX, x)
        return compare(node.builder, comparison.LessThan(), x, limit)
    return node.add(comparison.LessThan(), X=x, Y=x)
