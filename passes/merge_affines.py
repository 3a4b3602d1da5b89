"""Make one operation of several that scale and shift the same numbers one after the other.

Before::

    y = (s * x + t) * u + v            # Mul, Add, Sub, Div, scale, batch norms; any number

After::

    y = scale(x, su, tu + v)           # where one pair of numbers holds for all
    y = batch_norm(x)                  # with one pair for each channel of an image

What stands beside a convolution or an fc has folded into it before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.types import static_dim
from opt_tool.passes.affine import ARITHMETIC, CHANNELS, Affine, read_channels
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.split_concat_affine import norm_inputs


class AffineChain(NamedTuple):
    """Two affine maps in a row and the one that does both."""

    nodes: tuple[Node, Node]
    both: Affine


class MergeAffines(Rewrite[AffineChain]):
    """Merges chains of affine maps into one."""

    roots = (BatchNorm, *ARITHMETIC)

    def match(self, graph: Graph, node: Node) -> AffineChain | Kept | None:
        outer = read_channels(node)
        first = None if outer is None else outer.x.producer
        inner = None if first is None else read_channels(first)
        if outer is None or first is None or inner is None:
            return None
        if not graph.read_once(first.output):
            return Kept(f"{first.name!r} is read by something else too")
        scale = inner.scale * outer.scale
        both = Affine(inner.x, scale, inner.shift * outer.scale + outer.shift)
        channels = inner.x.shape[CHANNELS] if inner.x.rank == 4 else None
        if not _is_uniform(both) and not isinstance(channels, int):
            return Kept("no operation scales and shifts along this axis")
        if not both.is_finite or not inner.x.dtype.is_float:
            return Kept("its factors are not finite floats")
        return AffineChain((first, node), both)

    def rewrite(self, graph: Graph, match: AffineChain) -> Node:
        both, node = match.both, match.nodes[-1]
        if _is_uniform(both):
            op = Scale(scale=float(both.scale[0]), bias=float(both.shift[0]))
            return graph.fuse(match.nodes, op, {"X": both.x})
        channels = static_dim(both.x.shape[CHANNELS])
        scale = np.broadcast_to(both.scale, channels)
        shift = np.broadcast_to(both.shift, channels)
        inputs = norm_inputs(graph, node, both.x, scale, shift)
        return graph.fuse(match.nodes, BatchNorm(epsilon=0.0), inputs)


def _is_uniform(affine: Affine) -> bool:
    """Whether all elements are scaled and shifted alike."""
    return affine.scale.size == affine.shift.size == 1
