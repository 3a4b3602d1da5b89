"""Write bounds as one relu, relu6 or clip.

Before::

    y = elementwise_min(elementwise_max(x, 0), 6)      # in either order; clip; relu and min

After::

    y = relu6(x, threshold=6)

From 0 on it is a relu, from 0 to a number a relu6 of that threshold, which a layer can
apply; other bounds in a row become one clip.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.elementwise import Clip
from opt_tool.passes.clamp import BOUNDING, Bounds, read_bounds
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import Library, LiteVersion, Target, kernels_for


class Bounded(NamedTuple):
    """One or two nodes that bound x, and the operation that does it alone."""

    nodes: tuple[Node, ...]
    x: Value
    op: Operation


class RecogniseClip(Rewrite[Bounded]):
    """Writes minima, maxima and clips by constants as relu, relu6 or one clip."""

    roots = BOUNDING

    def __init__(
        self, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
    ) -> None:
        self.has_clip = bool(kernels_for(Clip.type, target, version, library))

    def match(self, graph: Graph, node: Node) -> Bounded | None:
        bounds = read_bounds(node)
        if bounds is None:
            return None
        before = bounds.x.producer
        inner = None if before is None else read_bounds(before)
        if before is not None and inner is not None and graph.read_once(bounds.x):
            op = bounding(*_composed(inner, bounds))
            if self.has_clip or not isinstance(op, Clip):
                return Bounded((before, node), inner.x, op)
        op = bounding(bounds.lower, bounds.upper)
        if isinstance(op, Clip) or isinstance(node.op, type(op)):
            return None
        return Bounded((node,), bounds.x, op)

    def rewrite(self, graph: Graph, match: Bounded) -> Node:
        return graph.fuse(match.nodes, match.op, {"X": match.x})


def _composed(inner: Bounds, outer: Bounds) -> tuple[float, float]:
    """The bounds of what is bounded twice."""
    lower = min(max(inner.lower, outer.lower), outer.upper)
    return lower, min(max(inner.upper, outer.lower), outer.upper)


def bounding(lower: float, upper: float) -> Operation:
    """The operation that bounds, relu where it does."""
    if lower == 0 and upper == math.inf:
        return Relu()
    if lower == 0 and upper > 0:
        return Relu6(threshold=upper)
    return Clip(min=lower, max=upper)
