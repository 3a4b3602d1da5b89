"""Reads rounding, steps, remainders and angles, which Paddle Lite has no exact operations for."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from opt_tool.formats.broadcasting import compare, expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import (
    arc_tangent,
    divide,
    rounded,
    scaled,
    sign_of,
    subtract,
)
from opt_tool.formats.remainders import float_remainder, moved_to_sign, whole_remainder
from opt_tool.formats.shapes import reshape_to, unsqueezed
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand, mapped
from opt_tool.formats.tflite.operators.arithmetic import numbers
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import GreaterEqual, GreaterThan, LessThan, Where
from opt_tool.ir.operations.elementwise import (
    Abs,
    Clip,
    ElementwiseMax,
    ElementwiseMin,
    Floor,
    Scale,
)
from opt_tool.ir.operations.reduction import ReduceSum

TINY = float(np.finfo(np.float32).tiny)


@tflite_op("ROUND")
def round_to_even(node: TfliteNode) -> Laid:
    x = float_operand(node)
    return Laid(rounded(node, x.value), x.order)


@tflite_op("SIGN")
def sign(node: TfliteNode) -> Laid:
    x = node.laid(0)
    return Laid(sign_of(node, x.value), x.order)


class _Steps(NamedTuple):
    """The numbers that integers of some bits stand for."""

    least: float
    most: float
    size: float


@tflite_op("FAKE_QUANT")
def to_steps(node: TfliteNode) -> Laid:
    """The nearest of the numbers that integers would stand for, halves to the larger one."""
    x, steps = float_operand(node), _steps(node)
    within = mapped(node, Clip(min=steps.least, max=steps.most), x)
    count = Scale(scale=1 / steps.size, bias=-steps.least, bias_after_scale=False)
    counted = mapped(node, Scale(scale=1.0, bias=0.5), mapped(node, count, within))
    whole = mapped(node, Floor(), counted)
    return mapped(node, Scale(scale=steps.size, bias=steps.least), whole)


def _steps(node: TfliteNode) -> _Steps:
    """The operator's range, moved so that one of the steps is 0; computed in float32."""
    if node.flag("narrow_range"):
        raise node.unsupported("narrow_range, for which LiteRT has no kernel either")
    bits, low, high = node.integer("num_bits"), node.real("min"), node.real("max")
    if not 2 <= bits <= 16 or not low <= 0 <= high or not low < high:
        raise node.unsupported(f"{bits} bits between {low:g} and {high:g}")
    count = np.float32(2**bits - 1)
    size = (np.float32(high) - np.float32(low)) / count
    zero = np.clip(np.floor(-np.float32(low) / size + np.float32(0.5)), 0, count)
    return _Steps(float(-zero * size), float((count - zero) * size), float(size))


@tflite_op("BUCKETIZE")
def bucketize(node: TfliteNode) -> Value:
    """How many of the boundaries a number has reached."""
    x = converted(node.builder, node.value(0), DType.FLOAT32)
    bounds = np.array(node.reals("boundaries"), np.float32)
    if bounds.size == 0 or not (np.diff(bounds) >= 0).all():
        raise node.unsupported(f"{bounds.size} boundaries; ascending ones are needed")
    column = unsqueezed(node, x, (x.rank,))
    row = node.new_constant(bounds.reshape((1,) * x.rank + (-1,)), "boundaries")
    reached = compare(node.builder, GreaterEqual(), column, row)
    total = node.add(ReduceSum(dim=(x.rank,)), X=converted(node.builder, reached, DType.FLOAT32))
    return converted(node.builder, reshape_to(node, total, x.shape), DType.INT32)


# ---- quotients and remainders


@tflite_op("FLOOR_DIV")
def floor_divide(node: TfliteNode) -> Laid:
    """Of whole numbers, whose quotients the runtime cuts towards 0, the rest is taken off."""
    x, y, like = numbers(node)
    if x.is_constant and y.is_constant and y.array().all():
        return Laid(node.new_constant(np.floor_divide(x.array(), y.array())), like.order)
    if x.dtype is DType.FLOAT32:
        return Laid(node.add(Floor(), X=divide(node, x, y)), like.order)
    whole = subtract(node, x, whole_remainder(node, x, y))
    return Laid(divide(node, whole, y), like.order)


@tflite_op("FLOOR_MOD")
def floor_modulo(node: TfliteNode) -> Laid:
    x, y, like = numbers(node)
    if x.dtype is not DType.FLOAT32:
        return Laid(whole_remainder(node, x, y), like.order)
    return Laid(moved_to_sign(node, float_remainder(node, x, y), y), like.order)


# ---- angles


@tflite_op("ATAN2")
def angle(node: TfliteNode) -> Laid:
    """The angle of (x, y), operands 1 and 0, from -pi to pi; -0 counts as 0.

    That of the octant between the axes comes first, then it is mirrored into its place.
    """
    y, x, like = numbers(node)
    if y.dtype is not DType.FLOAT32:
        raise node.unsupported(f"{y.dtype.value} operands; Paddle Lite computes it in float32")
    y, x = expanded_together(node.builder, y, x)
    wide, high = node.add(Abs(), X=x), node.add(Abs(), X=y)
    longer = node.add(Clip(min=TINY), X=node.add(ElementwiseMax(), X=wide, Y=high))
    octant = arc_tangent(node, divide(node, node.add(ElementwiseMin(), X=wide, Y=high), longer))
    steep = compare(node.builder, GreaterThan(), high, wide)
    quarter = _either(node, steep, scaled(node, octant, -1.0, math.pi / 2), octant)
    zero = node.new_constant(np.zeros((1,) * x.rank, np.float32), "zero")
    left = compare(node.builder, LessThan(), x, zero)
    half = _either(node, left, scaled(node, quarter, -1.0, math.pi), quarter)
    below = compare(node.builder, LessThan(), y, zero)
    return Laid(_either(node, below, scaled(node, half, -1.0), half), like.order)


def _either(node: TfliteNode, condition: Value, x: Value, y: Value) -> Value:
    return node.add(Where(), Condition=condition, X=x, Y=y)
