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


class Parts(NamedTuple):
    """Slices of one value that are all of it, in its order, and the split that they are.

    ``first`` is the one that stands in front of the others.
    """

    first: Node
    x: Value
    slices: tuple[Node, ...]
    op: Split


class Part(NamedTuple):
    """What a slice takes along one axis."""

    node: Node
    axis: int
    extent: range


class JoinSlices(Rewrite[Parts]):
    """Makes one split of slices that divide a tensor among themselves."""

    roots = (Slice,)

    def match(self, graph: Graph, node: Node) -> Parts | Kept | None:
        first = _part(graph, node)
        if first is None or not node.input("Input").dtype.is_float:
            return None
        x = node.input("Input")
        parts = [
            part
            for part in (_part(graph, user) for user in x.users)
            if part and part.axis == first.axis
        ]
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


def _part(graph: Graph, node: Node) -> Part | None:
    """What a node takes, if it slices one axis of known size by known bounds."""
    op = node.op
    if not isinstance(op, Slice) or len(node.inputs) > 1 or len(op.axes) != 1:
        return None
    if op.decrease_axis and not _is_reshaped(graph, node.output):
        return None
    x = node.input("Input")
    axis = op.axes[0] % x.rank
    size = x.shape[axis]
    if not isinstance(size, int):
        return None
    extent = range(*slice(op.starts[0], op.ends[0]).indices(size))
    return Part(node, axis, extent) if extent else None


def _is_reshaped(graph: Graph, value: Value) -> bool:
    """Whether a value of known size is read by a reshape to a known size alone."""
    if not graph.read_once(value):
        return False
    (reader,) = value.users
    return is_shape_change(reader) and value.type.is_static and reader.output.type.is_static
