"""Write pads of rows and columns with the channels last as pads of planes.

Before::

    y = reshape2(pad2d(reshape2(x)))      # zeros along axis 1 or 2 of (N, H, W, C)

After::

    y = transpose2(pad2d(transpose2(x)))

The transposes go where convolutions stand beside it; so does the pad then.
"""

from __future__ import annotations

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.passes.axis_pad import AxisPad, read_axis_pad
from opt_tool.passes.rewrite import Rewrite
from opt_tool.passes.shape_change import SHAPE_CHANGES

ROWS, COLUMNS = 1, 2
"""The axes of a picture with the channels last."""

FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""The transposes that put the channels first, and back."""


class RecognisePlanePad(Rewrite[AxisPad]):
    """Writes pads of rows and columns as pads of planes, where a transpose stands beside them."""

    roots = SHAPE_CHANGES

    def match(self, graph: Graph, node: Node) -> AxisPad | None:
        pad = read_axis_pad(graph, node)
        if pad is None or pad.x.rank != 4 or pad.axis not in (ROWS, COLUMNS):
            return None
        before = pad.x.producer
        transposed = before is not None and before.op == Transpose2(axis=LAST)
        back = any(user.op == Transpose2(axis=FIRST) for user in node.output.users)
        return pad if transposed or back else None

    def rewrite(self, graph: Graph, match: AxisPad) -> Node:
        node = match.nodes[-1]
        sizes = (match.before, match.after)
        op = Pad2D(paddings=(*sizes, 0, 0) if match.axis == ROWS else (0, 0, *sizes))
        first = graph.add(Transpose2(axis=FIRST), {"X": match.x}, sources=node.sources, before=node)
        padded = graph.add(op, {"X": first.output}, sources=node.sources, before=node)
        return graph.fuse(match.nodes, Transpose2(axis=LAST), {"X": padded.output})
