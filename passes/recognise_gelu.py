"""Write the product of x and the normal distribution's share below x as gelu.

Before, with the factors in any order::

    y = x * 0.5 * (1 + erf(x / sqrt(2)))
    y = x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))

After::

    y = gelu(x)
    y = gelu(x, approximate=True)

The form by tanh is another function (they differ by up to 5e-4). It is for ARM: the kernel
for x86 computes the one by erf whatever the attribute says.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.activation import Gelu, Tanh
from opt_tool.ir.operations.elementwise import ElementwiseMul, Erf
from opt_tool.passes.affine import ARITHMETIC
from opt_tool.passes.clamp import read_linear
from opt_tool.passes.polynomial import read_polynomial
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import Target

TOLERANCE = 1e-6
"""How far a factor may be from the formula's, relatively: constants are rounded to float32."""

STEPS = 3
"""How many scales and shifts in a row may stand behind the erf."""

TANH = Gelu(approximate=True)
NARROW = np.array([0.0, math.sqrt(0.5)])
"""The polynomial under the erf."""

BEND = math.sqrt(2 / math.pi) * np.array([0.0, 1.0, 0.0, 0.044715])
"""The polynomial under the tanh (Hendrycks and Gimpel, 2016)."""


class GeluChain(NamedTuple):
    """The nodes that compute a gelu of x, in order."""

    nodes: tuple[Node, ...]
    x: Value
    op: Gelu


class _Share(NamedTuple):
    """``scale * curve + shift`` and the nodes that compute it of the curve's, in order."""

    nodes: tuple[Node, ...]
    curve: Node
    scale: float
    shift: float


class _Inside(NamedTuple):
    """The nodes between x and the erf or tanh that it is in, in order."""

    nodes: tuple[Node, ...]
    op: Gelu


class RecogniseGelu(Rewrite[GeluChain]):
    """Writes products of x and an erf or a tanh of x as gelu."""

    roots = ARITHMETIC

    def __init__(self, target: Target) -> None:
        self.curves = (Erf, Tanh) if target is Target.ARM else (Erf,)

    def match(self, graph: Graph, node: Node) -> GeluChain | None:
        if isinstance(node.op, ElementwiseMul):
            found = self._product(graph, node, 1.0)
            if found is not None:
                return found
        linear = read_linear(node)
        if linear is None or linear.shift != 0 or not graph.read_once(linear.x):
            return None
        product = linear.x.producer
        if product is None or not isinstance(product.op, ElementwiseMul):
            return None
        found = self._product(graph, product, linear.scale)
        return None if found is None else GeluChain((*found.nodes, node), found.x, found.op)

    def rewrite(self, graph: Graph, match: GeluChain) -> Node:
        return graph.fuse(match.nodes, match.op, {"X": match.x})

    def _product(self, graph: Graph, node: Node, gain: float) -> GeluChain | None:
        """``gain`` times the product that a node computes, as a gelu."""
        for slot, other in (("X", "Y"), ("Y", "X")):
            share = _share(graph, node.input(other))
            if share is not None and isinstance(share.curve.op, self.curves):
                found = _gated(graph, node, node.input(slot), share, gain)
                if found is not None:
                    return found
        return None


def _gated(graph: Graph, node: Node, factor: Value, share: _Share, gain: float) -> GeluChain | None:
    """The product of ``factor``, x or a part of it, and a share of x."""
    x = factor
    before: tuple[Node, ...] = ()
    inside = _inside(graph, share.curve, x)
    linear = read_linear(factor.producer) if inside is None else None
    if linear is not None and linear.shift == 0 and graph.read_once(factor):
        assert factor.producer is not None
        x, before, gain = linear.x, (factor.producer,), gain * linear.scale
        inside = _inside(graph, share.curve, x)
    if inside is None or not x.dtype.is_float:
        return None
    if not (_is(gain * share.scale, 0.5) and _is(gain * share.shift, 0.5)):
        return None
    nodes = (*before, *inside.nodes, share.curve, *share.nodes, node)
    return GeluChain(nodes, x, inside.op)


def _share(graph: Graph, gate: Value) -> _Share | None:
    """What a value computes of an erf or a tanh."""
    nodes: list[Node] = []
    scale, shift = 1.0, 0.0
    for _ in range(STEPS):
        linear = read_linear(gate.producer)
        if gate.producer is None or linear is None or not graph.read_once(gate):
            break
        nodes.insert(0, gate.producer)
        shift += scale * linear.shift
        scale *= linear.scale
        gate = linear.x
    curve = gate.producer
    if curve is None or not isinstance(curve.op, (Erf, Tanh)) or not graph.read_once(gate):
        return None
    return _Share(tuple(nodes), curve, scale, shift)


def _inside(graph: Graph, curve: Node, x: Value) -> _Inside | None:
    """How the curve's operand comes of x, if it is what a gelu takes."""
    found = read_polynomial(graph, curve.input("X"), x)
    if found is None:
        return None
    expected, op = (NARROW, Gelu()) if isinstance(curve.op, Erf) else (BEND, TANH)
    same = found.factors.size == expected.size and np.allclose(
        found.factors, expected, rtol=TOLERANCE, atol=0
    )
    return _Inside(found.nodes, op) if same else None


def _is(number: float, expected: float) -> bool:
    return math.isclose(number, expected, rel_tol=TOLERANCE)
