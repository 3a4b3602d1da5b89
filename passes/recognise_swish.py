"""Write the product of x and its sigmoid as swish.

Before::

    y = x * sigmoid(x)             # or sigmoid(beta * x)

After::

    y = swish(x, beta=1)

For ARM: x86 runs swish on the host, element by element, and is faster in two steps.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.activation import Sigmoid, Swish
from opt_tool.ir.operations.elementwise import ElementwiseMul
from opt_tool.passes.clamp import read_linear
from opt_tool.passes.rewrite import Rewrite


class SwishChain(NamedTuple):
    """The nodes that compute a swish of x."""

    nodes: tuple[Node, ...]
    x: Value
    op: Swish


class RecogniseSwish(Rewrite[SwishChain]):
    """Writes products of x and its sigmoid as swish."""

    roots = (ElementwiseMul,)

    def match(self, graph: Graph, node: Node) -> SwishChain | None:
        assert isinstance(node.op, ElementwiseMul)
        x, y = node.input("X"), node.input("Y")
        return _product(graph, node, x, y) or _product(graph, node, y, x)

    def rewrite(self, graph: Graph, match: SwishChain) -> Node:
        return graph.fuse(match.nodes, match.op, {"X": match.x})


def _product(graph: Graph, node: Node, x: Value, y: Value) -> SwishChain | None:
    sigmoid = y.producer
    if sigmoid is None or not isinstance(sigmoid.op, Sigmoid) or not graph.read_once(y):
        return None
    gated = sigmoid.input("X")
    if gated is x:
        return SwishChain((sigmoid, node), x, Swish())
    before = gated.producer
    linear = read_linear(before)
    if before is None or linear is None or linear.x is not x or not graph.read_once(gated):
        return None
    if linear.shift != 0:
        return None
    return SwishChain((before, sigmoid, node), x, Swish(beta=linear.scale))
