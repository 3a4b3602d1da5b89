"""Write softmax along an inner axis as one along the last, for x86.

Before::

    y = softmax(x, axis=a)

After, where ``a`` changes places with the last axis::

    y = transpose(softmax(transpose(x), axis=-1))

The x86 kernel takes one maximum off all that lies from the axis on. Where elements behind
the axis belong to several sums, those far below that maximum have no digits left: their
softmax is even, or no number at all (lite/backends/x86/math/softmax_impl.h).
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.reduction import Softmax
from opt_tool.passes.rewrite import Rewrite


class InnerSoftmax(NamedTuple):
    """A softmax and the order of axes that puts its own last; it is its own inverse."""

    node: Node
    order: tuple[int, ...]


class LowerSoftmax(Rewrite[InnerSoftmax]):
    """Transposes around softmax along an inner axis."""

    roots = (Softmax,)

    def match(self, graph: Graph, node: Node) -> InnerSoftmax | None:  # noqa: ARG002
        assert isinstance(node.op, Softmax)
        x = node.input("X")
        axis = node.op.axis % x.rank
        if all(dim == 1 for dim in x.shape[axis + 1 :]):
            return None
        order = list(range(x.rank))
        order[axis], order[-1] = order[-1], order[axis]
        return InnerSoftmax(node, tuple(order))

    def rewrite(self, graph: Graph, match: InnerSoftmax) -> Node:
        node, turn = match.node, Transpose2(axis=match.order)
        x = node.input("X")
        turned = graph.add(turn, {"X": x}, sources=node.sources, before=node).output
        soft = graph.add(Softmax(axis=-1), {"X": turned}, sources=node.sources, before=node)
        return graph.replace(node, turn, {"X": soft.output})
