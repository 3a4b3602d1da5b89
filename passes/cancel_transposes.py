"""Make one transpose of two, none of an inverse pair, a reshape of one that moves nothing.

Before::

    y = transpose2(transpose2(x, axis=p), axis=q)

After, with ``r[i] = p[q[i]]``::

    y = x                          # where r is the order that x has already
    y = reshape2(x)                # where r moves only dimensions of size 1
    y = transpose2(x, axis=r)      # else
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Operation, Shape, Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import reshape_between


class Order(NamedTuple):
    """A transpose, alone or after another, and what does the same in one step or none."""

    nodes: tuple[Node, ...]
    x: Value
    op: Operation | None


class CancelTransposes(Rewrite[Order]):
    """Composes transposes and removes those that change nothing."""

    roots = (Transpose2,)

    def match(self, graph: Graph, node: Node) -> Order | Kept | None:
        assert isinstance(node.op, Transpose2)
        x, order = node.input("X"), node.op.axis
        first = x.producer
        if first is None or not isinstance(first.op, Transpose2):
            return self._simpler(graph, (node,), x, order)
        order = tuple(first.op.axis[axis] for axis in order)
        if graph.read_once(x):
            return self._simpler(graph, (first, node), first.input("X"), order)
        if is_sorted(order):
            return self._simpler(graph, (node,), first.input("X"), order)
        return Kept(f"{first.name!r} is read by something else too")

    def _simpler(
        self, graph: Graph, nodes: tuple[Node, ...], x: Value, order: tuple[int, ...]
    ) -> Order | Kept | None:
        last = nodes[-1]
        if is_sorted(order):
            if graph.can_replace(last.output, x):
                return Order(nodes, x, None)
            return Kept("a graph input or a constant would be the output")
        reshape = _as_reshape(x.shape, order)
        if reshape is not None:
            return Order(nodes, x, reshape)
        return None if len(nodes) == 1 else Order(nodes, x, Transpose2(axis=order))

    def rewrite(self, graph: Graph, match: Order) -> Node | None:
        if match.op is None:
            graph.replace_uses(match.nodes[-1].output, match.x)
            return None
        return graph.fuse(match.nodes, match.op, {"X": match.x})


def is_sorted(order: tuple[int, ...]) -> bool:
    """Whether a transpose leaves every dimension in its place."""
    return order == tuple(range(len(order)))


def _as_reshape(shape: Shape, order: tuple[int, ...]) -> Operation | None:
    """The reshape that equals a transpose: one that leaves all real dimensions in order."""
    moved = [axis for axis in order if shape[axis] != 1]
    if moved != sorted(moved):
        return None
    return reshape_between(shape, tuple(shape[axis] for axis in order))
