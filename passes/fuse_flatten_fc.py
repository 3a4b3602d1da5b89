"""Let an fc flatten its own input.

Before::

    y = fc(flatten2(x), w)        # reshape2, squeeze2, flatten2, flatten_contiguous_range

After::

    y = fc(x, w, in_num_col_dims=1)

An fc takes its input as a matrix anyway: what only joins the columns is not needed.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import SHAPE_CHANGES


class FlattenedFc(NamedTuple):
    """An fc and the tensor that it can read instead of its flattened form."""

    fc: Node
    x: Value


class FuseFlattenFc(Rewrite[FlattenedFc]):
    """Lets an fc read what its input was before it was flattened."""

    roots = (Fc,)

    def match(self, graph: Graph, node: Node) -> FlattenedFc | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, Fc)
        flat = node.input("Input")
        change = flat.producer
        if change is None or not isinstance(change.op, SHAPE_CHANGES):
            return None
        x, rows = change.input("X"), node.op.in_num_col_dims
        if x.rank <= rows or x.shape[:rows] != flat.shape[:rows]:
            return Kept(f"{change.name!r} changes the rows too")
        return FlattenedFc(node, x)

    def rewrite(self, graph: Graph, match: FlattenedFc) -> Node:
        return graph.replace(match.fc, match.fc.op, {**match.fc.inputs, "Input": match.x})
