"""Reads what keeps numbers between bounds, as exporters write it."""

from __future__ import annotations

import math
from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.activation import HardSigmoid, Relu, Relu6
from opt_tool.ir.operations.elementwise import Clip, ElementwiseMax, ElementwiseMin
from opt_tool.passes.affine import read_arithmetic


class Bounds(NamedTuple):
    """``min(max(x, lower), upper)`` with ``lower <= upper``."""

    x: Value
    lower: float
    upper: float


class Linear(NamedTuple):
    """``scale * x + shift`` with the same two numbers for all elements."""

    x: Value
    scale: float
    shift: float


class Clamp(NamedTuple):
    """``gain * min(max(slope * x + offset, 0), top)`` and the nodes that compute it, in order."""

    x: Value
    slope: float
    offset: float
    top: float
    gain: float
    nodes: tuple[Node, ...]


BOUNDING = (Relu, Relu6, Clip, ElementwiseMax, ElementwiseMin)
"""What ``read_bounds`` knows."""


def read_bounds(node: Node) -> Bounds | None:
    """The bounds that a node sets, if it sets constant ones to floats."""
    bounds = _bounds(node)
    if bounds is None or not bounds.x.dtype.is_float or bounds.x.is_constant:
        return None
    return bounds if bounds.lower <= bounds.upper else None


def _bounds(node: Node) -> Bounds | None:
    op = node.op
    if isinstance(op, Relu):
        return Bounds(node.input("X"), 0.0, math.inf)
    if isinstance(op, Relu6):
        return Bounds(node.input("X"), 0.0, op.threshold)
    if isinstance(op, Clip):
        lower, upper = _operand(node, "Min", op.min), _operand(node, "Max", op.max)
        if lower is None or upper is None:
            return None
        return Bounds(node.input("X"), lower, upper)
    return _extreme(node) if isinstance(op, (ElementwiseMax, ElementwiseMin)) else None


def _operand(node: Node, slot: str, default: float) -> float | None:
    """The number in an optional slot; None where it is computed."""
    value = node.inputs.maybe(slot)
    if value is None:
        return default
    return float(value.array().reshape(-1)[0]) if value.is_constant else None


def _extreme(node: Node) -> Bounds | None:
    """Max or Min with a constant of one element, on either side."""
    x, y = node.input("X"), node.input("Y")
    if x.is_constant:
        x, y = y, x
    if not y.is_constant or y.type.size != 1 or x.shape != node.output.shape:
        return None
    number = float(y.array().reshape(-1)[0])
    if isinstance(node.op, ElementwiseMax):
        return Bounds(x, number, math.inf)
    return Bounds(x, -math.inf, number)


def read_linear(node: Node | None) -> Linear | None:
    """A node that scales and shifts all elements alike."""
    if node is None or node.output.rank == 0:
        return None
    affine = read_arithmetic(node, 0)
    if affine is None or affine.scale.size > 1 or affine.shift.size > 1 or not affine.is_finite:
        return None
    return Linear(affine.x, float(affine.scale[0]), float(affine.shift[0]))


def read_clamp(graph: Graph, node: Node | None, stop: Value | None = None) -> Clamp | None:
    """What a node and those that it alone reads from clamp, back to ``stop`` or a few steps.

    Args:
        graph: The graph.
        node: The last node: the clamp itself or a scale behind it.
        stop: The value to go back to.
    """
    nodes: list[Node] = []
    gain = 1.0
    scale = read_linear(node)
    if node is not None and scale is not None and scale.shift == 0:
        if not graph.read_once(scale.x):
            return None
        nodes, gain, node = [node], scale.scale, scale.x.producer
    core = None if node is None else _core(node)
    if node is None or core is None:
        return None
    nodes.insert(0, node)
    x, slope, offset, top = core
    for _ in range(2):
        before = x.producer
        linear = read_linear(before)
        if x is stop or before is None or linear is None or not graph.read_once(x):
            break
        nodes.insert(0, before)
        x, offset = linear.x, slope * linear.shift + offset
        slope *= linear.scale
    return Clamp(x, slope, offset, top, gain, tuple(nodes))


def _core(node: Node) -> tuple[Value, float, float, float] | None:
    """x, slope, offset and top of a clamp from 0 on."""
    if isinstance(node.op, HardSigmoid):
        return node.input("X"), node.op.slope, node.op.offset, 1.0
    bounds = read_bounds(node)
    if bounds is None or bounds.lower != 0 or not math.isfinite(bounds.upper):
        return None
    return bounds.x, 1.0, 0.0, bounds.upper
