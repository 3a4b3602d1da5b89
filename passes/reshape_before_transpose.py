"""Put dimensions of 1 in or take them out in front of a transpose, not behind it.

Before::

    y = unsqueeze2(transpose2(reshape2(x, (50, 12, 64)), axis=(1, 0, 2)), axes=0)

After, where both reshapes are one::

    y = transpose2(reshape2(reshape2(x, (50, 12, 64)), (1, 50, 12, 64)), axis=(0, 2, 1, 3))
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Shape
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import (
    SHAPE_CHANGES,
    ShapeChange,
    is_shape_change,
    reshape_between,
)


class Turned(NamedTuple):
    """A transpose and the reshape behind it, and what does the same the other way round."""

    turn: Node
    node: Node
    reshape: ShapeChange
    order: tuple[int, ...]


class ReshapeBeforeTranspose(Rewrite[Turned]):
    """Moves reshapes that move no real dimension, to where they merge with another."""

    roots = SHAPE_CHANGES

    def match(self, graph: Graph, node: Node) -> Turned | Kept | None:
        turn = node.input("X").producer if is_shape_change(node) else None
        if turn is None or not isinstance(turn.op, Transpose2):
            return None
        x = turn.input("X")
        if not is_shape_change(x.producer):
            return None
        if not (graph.read_once(turn.output) and graph.read_once(x)):
            return Kept(f"{turn.name!r} or what it reads is read by something else too")
        shape, order = _turned(x.shape, turn.op.axis, node.output.shape)
        reshape = None if shape is None else reshape_between(x.shape, shape)
        return None if reshape is None else Turned(turn, node, reshape, order)

    def rewrite(self, graph: Graph, match: Turned) -> Node:
        turn = match.turn
        x = {"X": turn.input("X")}
        first = graph.add(match.reshape, x, sources=match.node.sources, before=turn)
        op = Transpose2(axis=match.order)
        return graph.fuse((turn, match.node), op, {"X": first.output})


def _turned(
    before: Shape, axes: tuple[int, ...], after: Shape
) -> tuple[Shape | None, tuple[int, ...]]:
    """The shape in front of the transpose, and its order, so that ``after`` comes out of it.

    Dimensions of 1 come first there. The shape is None where more than those differ.
    """
    real = [axis for axis in axes if before[axis] != 1]
    if [before[axis] for axis in real] != [dim for dim in after if dim != 1]:
        return None, ()
    ones = len(after) - len(real)
    places = iter([ones + sorted(real).index(axis) for axis in real])
    free = iter(range(ones))
    order = tuple(next(free) if dim == 1 else next(places) for dim in after)
    return (*(1,) * ones, *(before[axis] for axis in sorted(real))), order
