"""Make one reshape of a chain of operations that only change the shape.

Before::

    y = squeeze2(reshape2(unsqueeze2(x)))      # flatten2 and flatten_contiguous_range too

After::

    y = reshape2(x)

Elements keep their order through all of them, so only the last shape counts.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import (
    SHAPE_CHANGES,
    ShapeChange,
    is_shape_change,
    reshape_between,
)


class ReshapeChain(NamedTuple):
    """Two shape changes in a row and the one that does both."""

    first: Node
    second: Node
    merged: ShapeChange


class MergeReshapes(Rewrite[ReshapeChain]):
    """Merges chains of shape changes into one."""

    roots = SHAPE_CHANGES

    def match(self, graph: Graph, node: Node) -> ReshapeChain | Kept | None:
        if not is_shape_change(node):
            return None
        first = node.input("X").producer
        if first is None or not is_shape_change(first):
            return None
        if not graph.read_once(first.output):
            return Kept(f"{first.name!r} is read by something else too")
        merged = reshape_between(first.input("X").shape, node.output.shape)
        if merged is None:
            return Kept(f"the shape {list(node.output.shape)} is known only at run time")
        return ReshapeChain(first, node, merged)

    def rewrite(self, graph: Graph, match: ReshapeChain) -> Node:
        x = match.first.input("X")
        return graph.fuse((match.first, match.second), match.merged, {"X": x})
