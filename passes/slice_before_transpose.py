"""Slice in front of a transpose whose other dimensions then stand in order.

Before, where all that read the transpose are such slices::

    q = slice(transpose2(x, axis=(2, 1, 0, 3)), axes=0, starts=0, ends=1)    # x (1, 50, 3, 768)

After::

    q = reshape2(slice(x, axes=2, starts=0, ends=1), (1, 50, 1, 768))

What is left of each part need not be moved. PyTorch divides the queries, keys and values of
its attention so.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Shape
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import reshape_between
from opt_tool.passes.single_cut import single_cut


class SlicedTurn(NamedTuple):
    """A transpose and the slices that read it, with what each becomes."""

    turn: Node
    slices: tuple[tuple[Node, Slice], ...]


class SliceBeforeTranspose(Rewrite[SlicedTurn]):
    """Slices what a transpose reads, where that leaves nothing to transpose."""

    roots = (Transpose2,)

    def match(self, graph: Graph, node: Node) -> SlicedTurn | Kept | None:
        if not isinstance(node.op, Transpose2):
            return None
        turned = node.output
        if graph.is_output(turned) or not turned.users:
            return None
        found = []
        for user in turned.users:
            op = _moved(user, node.op.axis, node.input("X").shape)
            if op is None:
                return None
            found.append((user, op))
        return SlicedTurn(node, tuple(found))

    def rewrite(self, graph: Graph, match: SlicedTurn) -> Node | None:
        x = match.turn.input("X")
        made = None
        for node, op in match.slices:
            made = graph.add(op, {"Input": x}, sources=node.sources, before=node)
            reshape = reshape_between(made.output.shape, node.output.shape)
            assert reshape is not None  # both are the same numbers but for those of 1
            graph.replace(node, reshape, {"X": made.output})
        return made


def _moved(node: Node, order: tuple[int, ...], shape: Shape) -> Slice | None:
    """The same slice of what the transpose reads, if the rest of it stands in order."""
    cut = single_cut(node)
    if cut is None or any(not isinstance(dim, int) for dim in shape):
        return None
    axis = order[cut.axis]
    sizes = list(shape)
    sizes[axis] = len(cut.extent)
    real = [place for place in order if sizes[place] != 1]
    if real != sorted(real) or 0 in sizes:
        return None
    left_out = (axis,) if cut.op.decrease_axis else ()
    return cut.op.replaced(axes=(axis,), decrease_axis=left_out)
