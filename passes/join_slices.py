"""Cut a tensor once into the parts that several slices take.

Before::

    a = slice(x, axes=1, starts=0, ends=58)
    b = slice(x, axes=1, starts=58, ends=116)

After, where the slices take all of ``x`` and no element twice::

    a, b = split(x, axis=1, sections=(58, 58))

PyTorch's older exporter writes ``chunk`` and ``split`` so.
"""

from __future__ import annotations

from dataclasses import dataclass

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.data_movement import Slice, Split
from opt_tool.passes.rewrite import Kept, Rewrite


@dataclass(frozen=True, slots=True)
class Parts:
    """Slices of one value that are all of it, in its order, and the split that they are.

    ``first`` is the one that stands in front of the others.
    """

    first: Node
    x: Value
    slices: tuple[Node, ...]
    op: Split


@dataclass(frozen=True, slots=True)
class Part:
    """What a slice takes along one axis."""

    node: Node
    axis: int
    extent: range


class JoinSlices(Rewrite[Parts]):
    """Makes one split of slices that divide a tensor among themselves."""

    def match(self, graph: Graph, node: Node) -> Parts | Kept | None:  # noqa: ARG002
        first = _part(node)
        if first is None or not node.input("Input").dtype.is_float:
            return None
        x = node.input("Input")
        parts = [part for part in map(_part, x.users) if part and part.axis == first.axis]
        parts.sort(key=lambda part: part.extent.start)
        if len(parts) < 2:
            return None
        bounds = [(part.extent.start, part.extent.stop) for part in parts]
        ends = [0, *(end for _, end in bounds)]
        if [start for start, _ in bounds] != ends[:-1] or ends[-1] != x.shape[first.axis]:
            return Kept("the slices beside it leave something out or take it twice")
        op = Split(axis=first.axis, sections=tuple(len(part.extent) for part in parts))
        return Parts(node, x, tuple(part.node for part in parts), op)

    def rewrite(self, graph: Graph, match: Parts) -> Node:
        split = graph.add(
            match.op,
            {"X": match.x},
            sources=dict.fromkeys(source for node in match.slices for source in node.sources),
            before=match.first,
        )
        for node, part in zip(match.slices, tuple(split.outputs.flat()), strict=True):
            name = node.output.name
            graph.replace_uses(node.output, part)
            graph.remove(node)
            if not graph.is_output(part):
                graph.rename(part, name)
        return split


def _part(node: Node) -> Part | None:
    """What a node takes, if it slices one axis of known size by known bounds."""
    op = node.op
    if not isinstance(op, Slice) or len(node.inputs) > 1 or op.decrease_axis or len(op.axes) != 1:
        return None
    x = node.input("Input")
    axis = op.axes[0] % x.rank
    size = x.shape[axis]
    if not isinstance(size, int):
        return None
    extent = range(*slice(op.starts[0], op.ends[0]).indices(size))
    return Part(node, axis, extent) if extent else None
