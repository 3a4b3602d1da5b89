"""Write what keeps a part of negative numbers as leaky_relu or prelu.

Before::

    y = elementwise_max(x, a * x)               # 0 <= a <= 1
    y = relu(x) - a * relu(-x)                  # or relu(x) + (-a) * relu(-x)
    y = relu(x) + a * (x - abs(x)) * 0.5        # the factors in any order

After::

    y = leaky_relu(x, alpha=a)                  # one number for all
    y = prelu(x, alpha=a)                       # one for each channel
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.activation import LeakyRelu, PRelu, Relu
from opt_tool.ir.operations.elementwise import (
    Abs,
    ElementwiseAdd,
    ElementwiseMax,
    ElementwiseSub,
)
from opt_tool.passes.affine import CHANNELS, read_arithmetic
from opt_tool.passes.clamp import read_linear
from opt_tool.passes.rewrite import Rewrite

FACTORS = 3
"""How many multiplications in a row may make the slope."""


class Leak(NamedTuple):
    """The nodes that compute it, in order, x and the slopes of negative numbers."""

    nodes: tuple[Node, ...]
    x: Value
    slopes: np.ndarray


class RecognisePRelu(Rewrite[Leak]):
    """Writes sums and maxima of x and a part of x as leaky_relu or prelu."""

    roots = (ElementwiseMax, ElementwiseAdd, ElementwiseSub)

    def match(self, graph: Graph, node: Node) -> Leak | None:
        assert isinstance(node.op, (ElementwiseMax, ElementwiseAdd, ElementwiseSub))
        x, y = node.input("X"), node.input("Y")
        read = _maximum if isinstance(node.op, ElementwiseMax) else _sum
        leak = read(graph, node, x, y)
        if leak is None and not isinstance(node.op, ElementwiseSub):
            leak = read(graph, node, y, x)
        return leak if leak is not None and _fits(leak) else None

    def rewrite(self, graph: Graph, match: Leak) -> Node:
        op: Operation = LeakyRelu(alpha=float(match.slopes[0]))
        if match.slopes.size == 1:
            return graph.fuse(match.nodes, op, {"X": match.x})
        name = f"{match.nodes[-1].name}.slopes"
        slopes = graph.add_constant(name, match.slopes.astype(match.x.dtype.numpy))
        return graph.fuse(match.nodes, PRelu(mode="channel"), {"X": match.x, "Alpha": slopes})


def _fits(leak: Leak) -> bool:
    """Whether there is an operation with these slopes."""
    if not leak.x.dtype.is_float or not np.isfinite(leak.slopes).all():
        return False
    by_channel = leak.x.rank >= 2 and leak.x.shape[CHANNELS] == leak.slopes.size
    return leak.slopes.size == 1 or by_channel


def _maximum(graph: Graph, node: Node, x: Value, part: Value) -> Leak | None:
    """``node`` as the larger one of x and a part of it."""
    maker = part.producer
    linear = read_linear(maker)
    if maker is None or linear is None or linear.x is not x or not graph.read_once(part):
        return None
    if linear.shift != 0 or not 0 <= linear.scale <= 1:
        return None
    return Leak((maker, node), x, np.array([linear.scale]))


def _sum(graph: Graph, node: Node, positive: Value, negative: Value) -> Leak | None:
    """``node`` as the positive numbers of x, with factors of the negative ones."""
    relu = positive.producer
    if relu is None or not isinstance(relu.op, Relu) or not graph.read_once(positive):
        return None
    x = relu.input("X")
    slopes = np.array([-1.0 if isinstance(node.op, ElementwiseSub) else 1.0])
    nodes: list[Node] = []
    value = negative
    for _ in range(FACTORS + 1):
        maker = value.producer
        if maker is None or not graph.read_once(value):
            return None
        nodes.insert(0, maker)
        core = _negative_part(graph, maker, x)
        if core is not None:
            inner, factor = core
            return Leak((*inner, *nodes, relu, node), x, slopes * factor)
        affine = read_arithmetic(maker, CHANNELS)
        if affine is None or not affine.keeps_zero or affine.x.shape != x.shape:
            return None
        slopes, value = slopes * affine.scale, affine.x
    return None


def _negative_part(graph: Graph, node: Node, x: Value) -> tuple[tuple[Node, ...], float] | None:
    """What ``node`` gives for a negative x, as a factor of it, if nothing for a positive one."""
    if isinstance(node.op, Relu):
        negated = node.input("X")
        maker = negated.producer
        linear = read_linear(maker)
        if maker is None or linear is None or linear.x is not x or linear.shift != 0:
            return None
        alone = linear.scale < 0 and graph.read_once(negated)
        return ((maker,), linear.scale) if alone else None
    if isinstance(node.op, ElementwiseSub) and node.input("X") is x:
        magnitude = node.input("Y")
        maker = magnitude.producer
        if maker is not None and isinstance(maker.op, Abs) and maker.input("X") is x:
            return ((maker,), 2.0) if graph.read_once(magnitude) else None
    return None
