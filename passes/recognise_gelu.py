"""Write the product of x and the normal distribution's share below x as gelu.

Before, with the factors in any order::

    y = x * 0.5 * (1 + erf(x / sqrt(2)))

After::

    y = gelu(x)

The form by tanh stays apart: it is another function (they differ by up to 5e-4), and the
kernel for x86 computes the one by erf whatever the attribute ``approximate`` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.activation import Gelu
from opt_tool.ir.operations.elementwise import ElementwiseMul, Erf
from opt_tool.passes.clamp import read_linear
from opt_tool.passes.rewrite import Rewrite

TOLERANCE = 1e-6
"""How far a factor may be from the formula's, relatively: constants are rounded to float32."""

STEPS = 3
"""How many scales and shifts in a row may stand behind the erf."""


@dataclass(frozen=True, slots=True)
class GeluChain:
    """The nodes that compute a gelu of x, in order."""

    nodes: tuple[Node, ...]
    x: Value


@dataclass(frozen=True, slots=True)
class _Share:
    """``scale * erf(x / sqrt(2)) + shift`` and the nodes that compute it, in order."""

    nodes: tuple[Node, ...]
    x: Value
    scale: float
    shift: float


class RecogniseGelu(Rewrite[GeluChain]):
    """Writes products of x and an erf of x as gelu."""

    def match(self, graph: Graph, node: Node) -> GeluChain | None:
        if isinstance(node.op, ElementwiseMul):
            found = _product(graph, node, 1.0)
            if found is not None:
                return found
        linear = read_linear(node)
        if linear is None or linear.shift != 0 or not graph.read_once(linear.x):
            return None
        product = linear.x.producer
        if product is None or not isinstance(product.op, ElementwiseMul):
            return None
        found = _product(graph, product, linear.scale)
        return None if found is None else GeluChain((*found.nodes, node), found.x)

    def rewrite(self, graph: Graph, match: GeluChain) -> Node:
        return graph.fuse(match.nodes, Gelu(), {"X": match.x})


def _product(graph: Graph, node: Node, gain: float) -> GeluChain | None:
    """``gain`` times the product that a node computes, as a gelu."""
    x, y = node.input("X"), node.input("Y")
    return _gated(graph, node, x, y, gain) or _gated(graph, node, y, x, gain)


def _gated(graph: Graph, node: Node, factor: Value, gate: Value, gain: float) -> GeluChain | None:
    share = _share(graph, gate)
    if share is None or not share.x.dtype.is_float:
        return None
    before: tuple[Node, ...] = ()
    if factor is not share.x:
        maker = factor.producer
        linear = read_linear(maker)
        if maker is None or linear is None or not graph.read_once(factor):
            return None
        if linear.x is not share.x or linear.shift != 0:
            return None
        before, gain = (maker,), gain * linear.scale
    if not (_is(gain * share.scale, 0.5) and _is(gain * share.shift, 0.5)):
        return None
    return GeluChain((*before, *share.nodes, node), share.x)


def _share(graph: Graph, gate: Value) -> _Share | None:
    """What a value computes of an erf, back to what the erf is computed of."""
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
    erf = gate.producer
    if erf is None or not isinstance(erf.op, Erf) or not graph.read_once(gate):
        return None
    inner = erf.input("X")
    narrowed = read_linear(inner.producer)
    if inner.producer is None or narrowed is None or not graph.read_once(inner):
        return None
    if narrowed.shift != 0 or not _is(narrowed.scale, math.sqrt(0.5)):
        return None
    return _Share((inner.producer, erf, *nodes), narrowed.x, scale, shift)


def _is(number: float, expected: float) -> bool:
    return math.isclose(number, expected, rel_tol=TOLERANCE)
