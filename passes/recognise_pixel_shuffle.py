"""Write the move of channels into space as pixel_shuffle.

Before, with x (n, c * r * r, h, w)::

    t = transpose2(reshape2(x, (n, c, r, r, h, w)), axis=(0, 1, 4, 2, 5, 3))
    y = reshape2(t, (n, c, h * r, w * r))

After::

    y = pixel_shuffle(x, upscale_factor=r)

TensorFlow puts the places in a block before the channels: (n, r, r, c, h, w), turned by
(0, 3, 4, 1, 5, 2). Where a convolution alone makes x, its filters change their order.
The kernel moves each element once; a transpose of six dimensions computes six indices for
each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import PixelShuffle, Transpose2
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import SHAPE_CHANGES, is_shape_change
from opt_tool.targets import Library, LiteVersion, Target, kernels_for

CHANNELS_FIRST = (0, 1, 4, 2, 5, 3)
PLACES_FIRST = (0, 3, 4, 1, 5, 2)


class Spread(NamedTuple):
    """The reshapes and the transpose between them, and the convolution to be reordered."""

    nodes: tuple[Node, ...]
    factor: int
    conv: Node | None


class RecognisePixelShuffle(Rewrite[Spread]):
    """Writes reshapes around a transpose of blocks as pixel_shuffle."""

    roots = SHAPE_CHANGES

    def __init__(
        self, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
    ) -> None:
        self.has_kernel = bool(kernels_for(PixelShuffle.type, target, version, library))

    def match(self, graph: Graph, node: Node) -> Spread | Kept | None:
        turn = node.input("X").producer if is_shape_change(node) else None
        if turn is None or not isinstance(turn.op, Transpose2) or not self.has_kernel:
            return None
        split = turn.input("X").producer
        if split is None or not is_shape_change(split):
            return None
        factor = _factor(split.input("X"), turn, node)
        if factor is None:
            return None
        if not (graph.read_once(split.output) and graph.read_once(turn.output)):
            return Kept("one of its parts is read by something else too")
        channels = node.output.shape[1]
        if turn.op.axis == CHANNELS_FIRST or channels == 1:
            return Spread((split, turn, node), factor, None)
        conv = split.input("X").producer
        if conv is None or not _can_reorder(graph, conv):
            return Kept("no convolution alone makes its channels, to give them another order")
        return Spread((split, turn, node), factor, conv)

    def rewrite(self, graph: Graph, match: Spread) -> Node:
        split = match.nodes[0]
        if match.conv is not None:
            _reorder(graph, match.conv, match.factor)
        op = PixelShuffle(upscale_factor=match.factor)
        return graph.fuse(match.nodes, op, {"X": split.input("X")})


def _factor(x: Value, turn: Node, last: Node) -> int | None:
    """By how much planes grow, if the three nodes move channels into blocks of them."""
    assert isinstance(turn.op, Transpose2)
    parts, made = turn.input("X").shape, last.output.shape
    if x.rank != 4 or len(made) != 4 or len(parts) != 6 or not x.dtype.is_float:
        return None
    if turn.op.axis == CHANNELS_FIRST:
        channels, factor, other = parts[1:4]
    elif turn.op.axis == PLACES_FIRST:
        factor, other, channels = parts[1:4]
    else:
        return None
    height, width = x.shape[2:]
    if not isinstance(factor, int) or not isinstance(height, int) or not isinstance(width, int):
        return None
    grown = (x.shape[0], channels, height * factor, width * factor)
    fits = other == factor and (parts[0], *parts[4:]) == (x.shape[0], height, width)
    return factor if fits and made == grown else None


def _can_reorder(graph: Graph, conv: Node) -> bool:
    return (
        isinstance(conv.op, Conv2D)
        and conv.op.groups == 1
        and not conv.inputs["ResidualData"]
        and graph.read_once(conv.output)
        and all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias"))
    )


def _reorder(graph: Graph, conv: Node, factor: int) -> None:
    """Let a convolution make its channels before the places in a block."""
    inputs: dict[str, Value | tuple[Value, ...]] = {**conv.inputs}
    arrays: Mapping[str, np.ndarray] = {
        slot: conv.input(slot).array() for slot in ("Filter", "Bias") if conv.inputs[slot]
    }
    for slot, array in arrays.items():
        filters = array if slot == "Filter" else array.reshape(-1)
        places = filters.reshape(factor * factor, -1, *filters.shape[1:])
        ordered = np.ascontiguousarray(places.swapaxes(0, 1).reshape(filters.shape))
        inputs[slot] = graph.add_constant(f"{conv.name}.{slot.lower()}", ordered)
    output = graph.replace(conv, conv.op, inputs).output
    graph.rename(output, graph.unique_name(f"{output.name}.reordered"))  # not the source's tensor
