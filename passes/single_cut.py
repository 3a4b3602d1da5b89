"""What a slice takes where it cuts one axis of known size by known bounds."""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Node
from opt_tool.ir.operations.data_movement import Slice


class SingleCut(NamedTuple):
    """The slice, its axis, counted from the front, and which of the elements it takes."""

    op: Slice
    axis: int
    extent: range


def single_cut(node: Node) -> SingleCut | None:
    """The cut of a slice along one axis; None for any other node, and where nothing is taken."""
    op = node.op
    if not isinstance(op, Slice) or len(node.inputs) > 1 or len(op.axes) != 1:
        return None
    x = node.input("Input")
    axis = op.axes[0] % x.rank
    size = x.shape[axis]
    if not isinstance(size, int):
        return None
    extent = range(*slice(op.starts[0], op.ends[0]).indices(size))
    return SingleCut(op, axis, extent) if extent else None
