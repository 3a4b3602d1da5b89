"""Write swish as a product with a sigmoid, for x86.

Before::

    y = swish(x, beta=b)

After::

    y = x * sigmoid(x * b)

x86 has no swish of its own: the host's takes about ten times as long as the two
vectorised steps.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import Sigmoid, Swish
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.passes.rewrite import Rewrite


class SteppedSwish(NamedTuple):
    """A swish and its beta."""

    node: Node
    beta: float


class LowerSwish(Rewrite[SteppedSwish]):
    """Writes swish as sigmoid and product."""

    roots = (Swish,)

    def match(self, graph: Graph, node: Node) -> SteppedSwish | None:  # noqa: ARG002
        assert isinstance(node.op, Swish)
        return SteppedSwish(node, node.op.beta)

    def rewrite(self, graph: Graph, match: SteppedSwish) -> Node:
        node, x = match.node, match.node.input("X")
        gated = x
        if match.beta != 1:
            scale = Scale(scale=match.beta)
            gated = graph.add(scale, {"X": x}, sources=node.sources, before=node).output
        gate = graph.add(Sigmoid(), {"X": gated}, sources=node.sources, before=node)
        return graph.replace(node, ElementwiseMul(), {"X": x, "Y": gate.output})
