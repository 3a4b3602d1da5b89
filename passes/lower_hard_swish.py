"""Write hard_swish in its parts, for a runtime of the basic build.

Before::

    y = hard_swish(x, threshold=t, scale=s, offset=o)

After::

    y = scale(x * relu6(scale(x, bias=o), threshold=t), scale=1 / s)

Only the build ``with_extra`` has the operator; fused into a layer both have it, so this
comes after fusion.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import HardSwish, Relu6
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.passes.rewrite import Rewrite
from opt_tool.runtime.fold import InsertingBuilder


class SteppedHardSwish(NamedTuple):
    """A hard_swish on its own."""

    node: Node
    op: HardSwish


class LowerHardSwish(Rewrite[SteppedHardSwish]):
    """Writes hard_swish as a product with a relu6."""

    roots = (HardSwish,)

    def match(self, graph: Graph, node: Node) -> SteppedHardSwish | None:  # noqa: ARG002
        assert isinstance(node.op, HardSwish)
        return SteppedHardSwish(node, node.op)

    def rewrite(self, graph: Graph, match: SteppedHardSwish) -> Node:
        node, op, x = match.node, match.op, match.node.input("X")
        builder = InsertingBuilder(graph, node)
        shifted = builder.add(Scale(bias=op.offset), X=x)
        gate = builder.add(Relu6(threshold=op.threshold), X=shifted)
        product = builder.add(ElementwiseMul(), X=x, Y=gate)
        return graph.replace(node, Scale(scale=1 / op.scale), {"X": product})
