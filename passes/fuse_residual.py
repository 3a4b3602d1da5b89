"""Let a convolution add what is added to its output.

Before::

    y = elementwise_add(conv2d(x, w, b), r)    # or with relu behind the sum

After::

    y = conv2d(x, w, b, r)                     # with the sum's activation

The NumPy runtime adds each part of the output while it is in the cache, and may write to
where r is. Of two convolutions that are added, the later one is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operation import Operation
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.fused import FusionElementwiseAddActivation
from opt_tool.passes.rewrite import Kept, PassReport, Rewrite

ACTIVATIONS: Mapping[type[Operation], Relu | None] = {
    ElementwiseAdd: None,
    FusionElementwiseAddActivation: Relu(),
}
"""Sums, and what each applies to its result."""


class Residual(NamedTuple):
    """A sum, the convolution that makes one operand, and the other operand."""

    add: Node
    conv: Node
    added: Value


class FuseResidual(Rewrite[Residual]):
    """Fuses sums into the convolutions in front of them, for the NumPy runtime."""

    def __init__(self) -> None:
        self._places: dict[Node, int] = {}

    def run(self, graph: Graph) -> PassReport:
        self._places = {node: place for place, node in enumerate(graph.nodes)}
        return super().run(graph)

    def match(self, graph: Graph, node: Node) -> Residual | Kept | None:
        if type(node.op) not in ACTIVATIONS:
            return None
        x, y = node.input("X"), node.input("Y")
        found = [
            Residual(node, value.producer, other)
            for value, other in ((x, y), (y, x))
            if value.producer is not None and _takes_a_residual(value.producer)
        ]
        if not found:
            return None
        if x.type != y.type:
            return Kept("its operands are of different types")
        alone = [match for match in found if graph.read_once(match.conv.output)]
        if not alone:
            return Kept(f"{found[0].conv.name!r} is read by something else too")
        return max(alone, key=lambda match: self._places[match.conv])

    def rewrite(self, graph: Graph, match: Residual) -> Node:
        op = match.conv.op
        assert isinstance(op, Conv2D)
        fused = op.replaced(activation=ACTIVATIONS[type(match.add.op)])
        inputs = {
            "Input": match.conv.input("Input"),
            "Filter": match.conv.input("Filter"),
            "Bias": match.conv.inputs.maybe("Bias"),
            "ResidualData": match.added,
        }
        return graph.fuse((match.conv, match.add), fused, inputs)


def _takes_a_residual(node: Node) -> bool:
    """Whether a node is a convolution across channels without one and without an activation."""
    return (
        type(node.op) is Conv2D
        and node.op.activation is None
        and node.op.groups == 1
        and not node.inputs["ResidualData"]
    )
