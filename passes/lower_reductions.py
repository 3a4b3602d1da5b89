"""Reduce along one axis of four at a time, where the target's kernels know no more.

Before::

    y = reduce_mean(x, dim=(1, 2, 4))          # x (A, B, C, D, E)

After::

    h = reduce_mean(reshape2(x, (ABCD, E, 1, 1)), dim=1)
    h = reduce_mean(reshape2(h, (A, BC, D, 1)), dim=1)
    y = reshape2(h, (A, D))

Neighbouring axes that are reduced together become one axis; each such block takes one
step, the last first. A mean of means is the mean, since all have the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.reduction import ReduceMean, ReduceProd, ReduceSum, Reduction
from opt_tool.ir.types import product
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import ShapeChange, reshape_between
from opt_tool.targets import Target

RANK = 4
"""The most dimensions that a reducing kernel knows, and the ones that all of them know."""

PAIRS = ((0, 1), (1, 2), (2, 3))
"""The two axes that ARM's kernels reduce together."""


class SteppedReduction(NamedTuple):
    """A reduction, the reshapes in front of its steps and the one to its result."""

    node: Node
    reshapes: tuple[ShapeChange, ...]
    last: ShapeChange


def reduces_directly(node: Node, target: Target) -> bool:
    """Whether a target's kernel can compute a reduction as it is.

    lite/kernels/arm/reduce_*_compute.cc abort on what they do not know;
    lite/kernels/x86/reduce_compute.h then writes nothing.
    """
    assert isinstance(node.op, Reduction)
    x = node.input("X")
    axes = node.op.axes(x.type)
    if target is Target.X86:
        return x.rank <= RANK or len(axes) == x.rank
    if isinstance(node.op, ReduceProd) and x.rank != RANK:
        return False
    if [axis % x.rank for axis in node.op.dim] != list(axes):
        return False
    if len(axes) == 1 and not node.op.reduce_all:
        return 2 <= x.rank <= RANK
    by_pairs = isinstance(node.op, (ReduceMean, ReduceSum)) or x.rank == RANK
    return x.rank <= RANK and by_pairs and len(axes) < x.rank and axes in PAIRS


class LowerReductions(Rewrite[SteppedReduction]):
    """Splits reductions that the target has no kernel for into steps that it has."""

    roots = (Reduction,)

    def __init__(self, target: Target) -> None:
        self.target = target

    def match(self, graph: Graph, node: Node) -> SteppedReduction | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, Reduction)
        if reduces_directly(node, self.target):
            return None
        x = node.input("X").type
        shape, actual = x.shape, x.shape
        reshapes = []
        for start, stop in reversed(blocks(node.op.axes(x))):
            before, after = product(shape[:start]), product(shape[stop:])
            reshapes.append(reshape_between(actual, (before, product(shape[start:stop]), after, 1)))
            shape, actual = (*shape[:start], *shape[stop:]), (before, after, 1)
        *steps, last = (*reshapes, reshape_between(actual, node.output.shape))
        if last is None or None in steps:
            return Kept(f"the sizes {list(x.shape)} are known only at run time")
        return SteppedReduction(node, tuple(step for step in steps if step is not None), last)

    def rewrite(self, graph: Graph, match: SteppedReduction) -> Node:
        node, value = match.node, match.node.input("X")
        kind = type(node.op)
        assert issubclass(kind, Reduction)
        for reshape in match.reshapes:
            for op in (reshape, kind(dim=(1,), keep_dim=False)):
                step = graph.add(op, {"X": value}, sources=node.sources, before=node)
                value = step.output
        return graph.replace(node, match.last, {"X": value})


def blocks(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring axes as ``start, stop``, in ascending order."""
    runs: list[tuple[int, int]] = []
    for axis in axes:
        if runs and runs[-1][1] == axis:
            runs[-1] = (runs[-1][0], axis + 1)
        else:
            runs.append((axis, axis + 1))
    return runs
