"""Give a plane and the grid that samples it one size, as ARM and versions before 2.13 want it.

Before::

    y = grid_sampler(x, grid)          # x (N, C, H, W), grid (N, P, Q, 2)

After, with A = max(H, P) and B = max(W, Q)::

    y = slice(grid_sampler(pad2d(x), pad(scale * grid + shift)), axes=(2, 3), ends=(P, Q))

Both grow at the lower right. Where the plane grows, the same places have other positions:
those of a grid go from edge to edge of whatever is sampled. The kernel takes one position
for each element of the plane (lite/kernels/arm/grid_sampler_compute.cc), and up to 2.12 the
operator ends the process for any other grid (lite/operators/grid_sampler_op.cc).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Pair
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.passes.in_front import InFront
from opt_tool.passes.rewrite import Kept, Rewrite

GROWING = {"zeros": "constant", "border": "edge"}
"""What lies outside of a plane, and which mode of ``pad2d`` puts the same there."""


class UnequalSizes(NamedTuple):
    """A sampler, the sizes of its plane and its grid, and the larger of both."""

    node: Node
    op: GridSampler
    plane: Pair
    grid: Pair

    @property
    def both(self) -> Pair:
        return max(self.plane[0], self.grid[0]), max(self.plane[1], self.grid[1])


class LowerGridSampler(Rewrite[UnequalSizes]):
    """Pads planes and grids of different sizes to one."""

    roots = (GridSampler,)

    def match(self, graph: Graph, node: Node) -> UnequalSizes | Kept | None:  # noqa: ARG002
        if not isinstance(node.op, GridSampler):
            return None
        x, grid = node.input("X"), node.input("Grid")
        if x.shape[2:] == grid.shape[1:3]:
            return None
        if not (x.type.is_static and grid.type.is_static):
            return Kept("its sizes are known only at run time")
        height, width = x.type.static_shape[2:]
        rows, columns = grid.type.static_shape[1:3]
        match = UnequalSizes(node, node.op, (height, width), (rows, columns))
        if match.both != match.plane and node.op.padding_mode not in GROWING:
            return Kept(f"a plane that grows is not the same in mode {node.op.padding_mode!r}")
        return match

    def rewrite(self, graph: Graph, match: UnequalSizes) -> Node:
        front = InFront(graph, match.node)
        x, grid = match.node.input("X"), match.node.input("Grid")
        if match.both != match.plane:
            margins = _margins(match.plane, match.both)
            x = front.add(Pad2D(paddings=margins, mode=GROWING[match.op.padding_mode]), X=x)
            scale, shift = (numbers.astype(grid.dtype.numpy) for numbers in _positions(match))
            grid = front.add(ElementwiseMul(), X=grid, Y=front.constant("scale", scale))
            grid = front.add(ElementwiseAdd(), X=grid, Y=front.constant("shift", shift))
        if match.both != match.grid:
            grid = _padded(front, grid, match)
        sampled = front.add(match.op, X=x, Grid=grid)
        cut = Slice(axes=(2, 3), starts=(0, 0), ends=match.grid, infer_flags=(1, 1))
        return graph.replace(match.node, cut, {"Input": sampled})


def _padded(front: InFront, grid: Value, match: UnequalSizes) -> Value:
    """The grid (N, P, Q, 2) with zeros at the lower right; a pair of numbers is two columns."""
    batch = grid.type.static_shape[0]
    (rows, columns), both = match.grid, match.both
    flat = front.reshaped(grid, batch, 1, rows, 2 * columns)
    margins = _margins((rows, 2 * columns), (both[0], 2 * both[1]))
    return front.reshaped(front.add(Pad2D(paddings=margins), X=flat), batch, *both, 2)


def _margins(old: Pair, new: Pair) -> tuple[int, int, int, int]:
    return 0, new[0] - old[0], 0, new[1] - old[1]


def _positions(match: UnequalSizes) -> tuple[np.ndarray, np.ndarray]:
    """The factors and summands of x and y that keep a position's place in the larger plane.

    Between the middles of the first and the last element there are size - 1 steps, between
    the edges size.
    """
    less = 1 if match.op.align_corners else 0
    old, new = (np.array(size[::-1], np.float64) - less for size in (match.plane, match.both))
    scale = old / np.maximum(new, 1)
    return scale, scale - 1
