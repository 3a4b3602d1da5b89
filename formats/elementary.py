"""Builds functions of elements from those that Paddle Lite has, exact to float32.

Rounding to even comes from ``floor``, the arc tangent from a polynomial after halving the
angle.
"""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.broadcasting import compare, equal
from opt_tool.formats.element_types import converted
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Value
from opt_tool.ir.operations import comparison
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Floor,
    Scale,
    Sqrt,
    Square,
)

GELU_CUBIC = 0.044715
"""The factor of x³ in GELU by tanh (Hendrycks and Gimpel, 2016)."""

FLOAT_MAX = float(np.finfo(np.float32).max)


ATAN_HALVINGS = 3


ATAN_SERIES = (-1 / 7, 1 / 5, -1 / 3)
"""atan(u) = u + u³ * series(u²), exact to 3e-7 where u <= tan(pi / 16)."""


def add(node: ImportedNode, x: Value, y: Value) -> Value:
    """x + y"""
    return node.add(ElementwiseAdd(), X=x, Y=y)


def subtract(node: ImportedNode, x: Value, y: Value) -> Value:
    """x - y"""
    return node.add(ElementwiseSub(), X=x, Y=y)


def multiply(node: ImportedNode, x: Value, y: Value) -> Value:
    """x * y"""
    return node.add(ElementwiseMul(), X=x, Y=y)


def divide(node: ImportedNode, x: Value, y: Value) -> Value:
    """x / y"""
    return node.add(ElementwiseDiv(), X=x, Y=y)


def scaled(node: ImportedNode, x: Value, factor: float = 1.0, offset: float = 0.0) -> Value:
    """factor * x + offset"""
    return node.add(Scale(scale=factor, bias=offset), X=x)


def scalar(node: ImportedNode, number: float, beside: Value) -> Value:
    """A constant of one element that leaves the shape of what stands beside it."""
    shape = (1,) if beside.rank else ()
    return node.new_constant(np.full(shape, number, beside.dtype.numpy))


def where_compared(node: ImportedNode, op: comparison.Comparison, x: Value, limit: float) -> Value:
    """1 where x compares with a number so, else 0, in the element type of x."""
    chosen = compare(node.builder, op, x, scalar(node, limit, x))
    return converted(node.builder, chosen, x.dtype)


def sign_of(node: ImportedNode, x: Value) -> Value:
    """1 where x > 0, -1 where x < 0, else 0."""
    above = where_compared(node, comparison.GreaterThan(), x, 0)
    return subtract(node, above, where_compared(node, comparison.LessThan(), x, 0))


def rounded(node: ImportedNode, x: Value) -> Value:
    """X rounded to the nearest whole number, halves to the even one.

    With f = floor(x) and d = x - f the result is f + 1 where d > 1/2, and where d is 1/2
    and f is odd. ``round`` rounds halves away from 0 and is typed as int32.
    """
    below = node.add(Floor(), X=x)
    rest = subtract(node, x, below)
    half = scalar(node, 0.5, x)
    over = where_compared(node, comparison.GreaterThan(), rest, 0.5)
    tie = converted(node.builder, equal(node.builder, rest, half), x.dtype)
    halved = scaled(node, below, 0.5)
    odd = scaled(node, subtract(node, halved, node.add(Floor(), X=halved)), 2.0)
    return add(node, below, add(node, over, multiply(node, tie, odd)))


def gelu_by_tanh(node: ImportedNode, x: Value) -> Value:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x³))) / 2; the x86 kernel has no such form."""
    inner = multiply(node, x, scaled(node, node.add(Square(), X=x), GELU_CUBIC, 1.0))
    bent = node.add(Tanh(), X=scaled(node, inner, math.sqrt(2 / math.pi)))
    return multiply(node, x, scaled(node, bent, 0.5, 0.5))


def arc_tangent(node: ImportedNode, x: Value) -> Value:
    """The series of atan, after atan(u) = 2 * atan(u / (1 + sqrt(1 + u²))) a few times."""
    u = node.add(Clip(min=-1e18, max=1e18), X=x)  # u² stays finite
    for _ in range(ATAN_HALVINGS):
        length = node.add(Sqrt(), X=scaled(node, node.add(Square(), X=u), 1.0, 1.0))
        u = divide(node, u, scaled(node, length, 1.0, 1.0))
    squared = node.add(Square(), X=u)
    series = scaled(node, squared, ATAN_SERIES[0], ATAN_SERIES[1])
    for coefficient in ATAN_SERIES[2:]:
        series = scaled(node, multiply(node, series, squared), 1.0, coefficient)
    whole = scaled(node, multiply(node, series, squared), 1.0, 1.0)
    return scaled(node, multiply(node, u, whole), 2.0**ATAN_HALVINGS)
