"""Write the product of x and its own clamp as hard_swish.

Before::

    y = x * hard_sigmoid(x)
    y = x * relu6(x + 3) / 6          # the 6 may divide either factor or the product

After::

    y = hard_swish(x, threshold=6, scale=6, offset=3)
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.activation import HardSwish
from opt_tool.ir.operations.elementwise import ElementwiseMul
from opt_tool.passes.affine import ARITHMETIC
from opt_tool.passes.clamp import Clamp, read_clamp, read_linear
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import Library, LiteVersion, Target, kernels_for


class HardSwishChain(NamedTuple):
    """The nodes that compute a hard_swish of x."""

    nodes: tuple[Node, ...]
    x: Value
    op: HardSwish


class RecogniseHardSwish(Rewrite[HardSwishChain]):
    """Writes products of x and a clamp of x as hard_swish."""

    roots = ARITHMETIC

    def __init__(
        self, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
    ) -> None:
        self.has_kernel = bool(kernels_for(HardSwish.type, target, version, library))

    def match(self, graph: Graph, node: Node) -> HardSwishChain | None:
        if not self.has_kernel:
            return None
        if isinstance(node.op, ElementwiseMul):
            x, y = node.input("X"), node.input("Y")
            found = _product(graph, node, x, y) or _product(graph, node, y, x)
            if found is not None:
                return found
        return _scaled(graph, node)

    def rewrite(self, graph: Graph, match: HardSwishChain) -> Node:
        return graph.fuse(match.nodes, match.op, {"X": match.x})


def _product(graph: Graph, node: Node, x: Value, y: Value) -> HardSwishChain | None:
    """``node`` as the product of x, or of x times a number, and y, a clamp of x."""
    if x.is_constant or not graph.read_once(y):
        return None
    clamp = read_clamp(graph, y.producer, stop=x)
    if clamp is not None and clamp.x is x:
        return _hard_swish(clamp, 1.0, (*clamp.nodes, node))
    before = x.producer
    linear = read_linear(before)
    if before is None or linear is None or linear.shift != 0 or not graph.read_once(x):
        return None
    clamp = read_clamp(graph, y.producer, stop=linear.x)
    if clamp is None or clamp.x is not linear.x:
        return None
    return _hard_swish(clamp, linear.scale, (before, *clamp.nodes, node))


def _hard_swish(clamp: Clamp, factor: float, nodes: tuple[Node, ...]) -> HardSwishChain | None:
    scale = clamp.gain * factor * clamp.slope
    if clamp.slope <= 0 or scale == 0:
        return None
    op = HardSwish(
        threshold=clamp.top / clamp.slope, scale=1 / scale, offset=clamp.offset / clamp.slope
    )
    return HardSwishChain(nodes, clamp.x, op)


def _scaled(graph: Graph, node: Node) -> HardSwishChain | None:
    """``node`` as a number times a hard_swish."""
    linear = read_linear(node)
    if linear is None or linear.shift != 0 or linear.scale == 0:
        return None
    before = linear.x.producer
    if before is None or not isinstance(before.op, HardSwish) or not graph.read_once(linear.x):
        return None
    op = before.op.replaced(scale=before.op.scale / linear.scale)
    return HardSwishChain((before, node), before.input("X"), op)
