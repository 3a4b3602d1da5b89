"""Write bilinear resizing that the target's kernel gets wrong as products with constants.

Before::

    y = bilinear_interp_v2(x)                  # x (1, 8, 1, 16), y (1, 8, 1, 32)

After, with a matrix of weights for each axis that changes::

    y = matmul_v2(x, w)                        # w (16, 32)

ARM's kernel writes behind its memory where aligned corners leave one element of an axis.
Before 2.11, x86's takes what lies behind a row or column for the last element's neighbour:
where the other axis ends with a single row or column, and where positions count from the
corner and planes grow (lite/backends/x86/math/interpolate.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Dim, Graph, Node
from opt_tool.ir.operations.data_movement import Assign
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.resampling import times_matrix
from opt_tool.kernels.interpolation import LARGEST_MATRIX, linear_matrix, linear_positions
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.runtime.fold import InsertingBuilder
from opt_tool.targets import LiteVersion, Target

F = np.float32

MENDED = LiteVersion.V2_11
"""The first version whose kernel for x86 stays within the plane."""


class Resizing(NamedTuple):
    """A resizing of known sizes that the kernel gets wrong."""

    node: Node
    op: BilinearInterp
    sizes: tuple[int, int]
    counts: tuple[int, int]


class LowerInterpolation(Rewrite[Resizing]):
    """Multiplies planes where the kernel resizes them wrongly."""

    roots = (BilinearInterp,)

    def __init__(self, target: Target, version: LiteVersion) -> None:
        self.target = target
        self.version = version

    def match(self, graph: Graph, node: Node) -> Resizing | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, BilinearInterp)
        sizes, counts = _known(node.input("X").shape[2:]), _known(node.output.shape[2:])
        if sizes is None or counts is None:
            return None
        found = Resizing(node, node.op, sizes, counts)
        wrong = _overruns if self.target is Target.ARM else _misreads
        if (self.target is Target.X86 and self.version >= MENDED) or not wrong(found):
            return None
        if any(size * count > LARGEST_MATRIX for size, count in zip(sizes, counts, strict=True)):
            return Kept(f"a matrix for {sizes} to {counts} would have too many elements")
        return found

    def rewrite(self, graph: Graph, match: Resizing) -> Node:
        builder = InsertingBuilder(graph, match.node)
        x = match.node.input("X")
        for axis, size, count in (
            (3, match.sizes[1], match.counts[1]),
            (2, match.sizes[0], match.counts[0]),
        ):
            weights = linear_matrix(
                size, count, align_corners=match.op.align_corners, align_mode=match.op.align_mode
            )
            if size != count or not np.array_equal(weights, np.eye(size)):
                x = times_matrix(builder, x, axis, weights, f"{match.node.name}.weights{axis}")
        return graph.replace(match.node, Assign(), {"X": x})


def _known(dims: Sequence[Dim]) -> tuple[int, int] | None:
    height, width = dims
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _overruns(resizing: Resizing) -> bool:
    """Whether ARM's kernel writes behind its memory."""
    axes = zip(resizing.sizes, resizing.counts, strict=True)
    return resizing.op.align_corners and any(count == 1 != size for size, count in axes)


def _misreads(resizing: Resizing) -> bool:
    """Whether x86's kernel reads beyond an axis anywhere before the bound that it works out."""
    steps = [
        _step(*axis, aligned=resizing.op.align_corners)
        for axis in zip(resizing.sizes, resizing.counts, strict=True)
    ]
    return any(
        _reads_beyond(resizing.op, size, count, step if min(steps) > 0 else F(0))
        for size, count, step in zip(resizing.sizes, resizing.counts, steps, strict=True)
    )


def _step(size: int, count: int, *, aligned: bool) -> np.float32:
    """How far the kernel moves for an element; not at all where it makes one."""
    if count == 1:
        return F(0)
    return F(size - 1) / F(count - 1) if aligned else F(size) / F(count)


def _reads_beyond(op: BilinearInterp, size: int, count: int, step: np.float32) -> bool:
    """Whether an element before the bound takes one behind the axis' last, with any weight.

    Without a step there is no bound. What lies there may be NaN, which no weight of 0 hides.
    """
    bound = count
    if step > 0:
        end = F(size - 1) / step if op.align_corners else F(size - F(0.5)) / step - F(0.5)
        bound = min(int(np.ceil(end)), count)
    before, _, _ = linear_positions(
        size, count, align_corners=op.align_corners, align_mode=op.align_mode
    )
    return bool((before[:bound] == size - 1).any())
