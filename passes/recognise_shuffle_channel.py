"""Write the exchange of groups and channels as shuffle_channel.

Before, with x (n, c, h, w)::

    t = transpose2(reshape2(x, (n, g, c / g, h, w)), axis=(0, 2, 1, 3, 4))
    y = reshape2(t, (n, c, h, w))               # the plane may be one dimension, h * w

After::

    y = shuffle_channel(x, group=g)

It copies whole planes, where the transpose of ARM moves element by element.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.data_movement import ShuffleChannel, Transpose2
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import SHAPE_CHANGES, is_shape_change

ORDERS = ((0, 2, 1, 3), (0, 2, 1, 3, 4))
"""The transposes that exchange groups and channels, of planes in one or two dimensions."""


class Shuffle(NamedTuple):
    """The two reshapes and the transpose between them."""

    nodes: tuple[Node, ...]
    op: ShuffleChannel


class RecogniseShuffleChannel(Rewrite[Shuffle]):
    """Writes reshapes around the exchange of two dimensions as shuffle_channel."""

    roots = SHAPE_CHANGES

    def match(self, graph: Graph, node: Node) -> Shuffle | Kept | None:
        turn = node.input("X").producer if is_shape_change(node) else None
        if turn is None or not isinstance(turn.op, Transpose2) or turn.op.axis not in ORDERS:
            return None
        split = turn.input("X").producer
        if split is None or not is_shape_change(split):
            return None
        x, parts = split.input("X"), split.output.shape
        if x.rank != 4 or node.output.shape != x.shape or parts[0] != x.shape[0]:
            return None
        channels, groups, size = x.shape[1], parts[1], parts[2]
        if not (isinstance(channels, int) and isinstance(groups, int) and isinstance(size, int)):
            return Kept("the number of channels is known only at run time")
        if groups * size != channels or not x.dtype.is_float:
            return None
        if not (graph.read_once(split.output) and graph.read_once(turn.output)):
            return Kept("one of its parts is read by something else too")
        return Shuffle((split, turn, node), ShuffleChannel(group=groups))

    def rewrite(self, graph: Graph, match: Shuffle) -> Node:
        return graph.fuse(match.nodes, match.op, {"X": match.nodes[0].input("X")})
