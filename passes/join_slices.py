"""Cut a tensor once into the parts that several slices take.

Before::

    a = slice(x, axes=1, starts=0, ends=58)
    b = slice(x, axes=1, starts=58, ends=116)

After, where the slices take all of ``x`` and no element twice::

    a, b = split(x, axis=1, sections=(58, 58))

PyTorch's older exporter writes ``chunk`` and ``split`` so. A slice that leaves the dimension
out is taken where a reshape reads it, which then does that.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.data_movement import Slice, Split
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import is_shape_change, reshape_between
from opt_tool.passes.single_cut import SingleCut, single_cut


class Parts(NamedTuple):
    """Slices of one value that are all of it, in its order, and the split that they are.

    ``first`` is the one that stands in front of the others.
    """

    first: Node
    x: Value
    slices: tuple[Node, ...]
    op: Split


class JoinSlices(Rewrite[Parts]):
    """Makes one split of slices that divide a tensor among themselves."""

    roots = (Slice,)

    def match(self, graph: Graph, node: Node) -> Parts | Kept | None:
        first = _cut(graph, node)
        if first is None or not node.input("Input").dtype.is_float:
            return None
        x = node.input("Input")
        cuts = ((user, _cut(graph, user)) for user in x.users)
        parts = [(user, cut.extent) for user, cut in cuts if cut and cut.axis == first.axis]
        parts.sort(key=lambda part: part[1].start)
        if len(parts) < 2:
            return None
        ends = [0, *(extent.stop for _, extent in parts)]
        if [extent.start for _, extent in parts] != ends[:-1] or ends[-1] != x.shape[first.axis]:
            return Kept("the slices beside it leave something out or take it twice")
        op = Split(axis=first.axis, sections=tuple(len(extent) for _, extent in parts))
        return Parts(node, x, tuple(user for user, _ in parts), op)

    def rewrite(self, graph: Graph, match: Parts) -> Node:
        split = graph.add(
            match.op,
            {"X": match.x},
            sources=dict.fromkeys(source for node in match.slices for source in node.sources),
            before=match.first,
        )
        for node, part in zip(match.slices, tuple(split.outputs.flat()), strict=True):
            _put(graph, node, part)
        return split


def _put(graph: Graph, node: Node, part: Value) -> None:
    """Let what reads a slice read a part of the split, under the slice's name."""
    name = node.output.name
    if part.type == node.output.type:
        graph.replace_uses(node.output, part)
    else:
        (reader,) = node.output.users
        reshape = reshape_between(part.shape, reader.output.shape)
        assert reshape is not None  # of what is a shape change without it
        graph.replace(reader, reshape, {"X": part})
    graph.remove(node)
    if not graph.is_output(part):
        graph.rename(part, name)


def _cut(graph: Graph, node: Node) -> SingleCut | None:
    """What a slice takes, if a split and the reshape behind it can take the same."""
    cut = single_cut(node)
    if cut is None or (cut.op.decrease_axis and not _is_reshaped(graph, node.output)):
        return None
    return cut


def _is_reshaped(graph: Graph, value: Value) -> bool:
    """Whether a value of known size is read by a reshape to a known size alone."""
    if not graph.read_once(value):
        return False
    (reader,) = value.users
    return is_shape_change(reader) and value.type.is_static and reader.output.type.is_static
