"""3x3 convolution at stride 1 by Winograd's minimal filtering.

F(m, 3) on both axes computes m * m outputs from n * n inputs, n = m + 2, by n * n products
for each channel in place of 9 * m * m (Lavin and Gray, Fast Algorithms for Convolutional
Neural Networks, CVPR 2016)::

    y = A^T [ (G w G^T) * (B^T d B) ] A

All tiles of a block go through each step together, as one matrix product: columns, then
rows, then for each of the n * n positions the channels, then back. The tiles are laid out
so that a tile's right and lower neighbours are the same memory, shifted: the input is split
by its column and row modulo m, and what a tile takes from its neighbour is the plane of the
same remainder one element or one row further on. The last tile column of each row and the
last row have no neighbour; what they compute is cut off.

More outputs for each tile mean fewer products and more error, which the points decide
(Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
Neural Networks, ACM TOMS 46, 2020). F43's points are multiples of sqrt(2), which halve the
error of Lavin's, kept as F43_LAVIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from opt_tool.kernels.cook_toom import Transform, rational, times_sqrt2
from opt_tool.kernels.memory import aligned_empty, rows_where_they_lie
from opt_tool.kernels.planes import InPlace, Pads, inside

F23 = Transform(2, 3, rational(0, 1, -1))
F43 = Transform(4, 3, (*rational(0), *times_sqrt2(1, -1, 0.5, -0.5)))
F43_LAVIN = Transform(4, 3, rational(0, 1, -1, 2, -2))
F63 = Transform(6, 3, rational(0, 1, -1, 2, -2, 0.5, -0.5))

CACHE_BYTES = 5 * 512 * 1024
"""What the two buffers of a block may take: about a core's own cache."""

FEWEST_ROWS, FEWEST_TILES = 4, 48
"""Smaller blocks transform their last row, which is the next one's first, for too little,
and read the weights too often."""

FILTERS_AT_ONCE = 1 << 16
"""How many 3x3 filters are transformed in one product, so that float64 stays small."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of tiles that are computed together.

    Attributes:
        first: The first row of tiles.
        rows: How many there are.
        columns: How many tiles a row has.
    """

    first: int
    rows: int
    columns: int

    @property
    def pitch(self) -> int:
        """From one row of tiles to the next: there is one more, for the neighbours."""
        return self.columns + 1

    @property
    def plane(self) -> int:
        """The elements of one remainder's plane, with a row for the neighbours."""
        return (self.rows + 1) * self.pitch


def transform_weights(weight: np.ndarray, transform: Transform, *, groups: int = 1) -> np.ndarray:
    """G w G^T of weight (O, C / groups, 3, 3) as (n, n, groups, O / groups, C / groups).

    The first axis is the column's. Computed in float64, handed back in weight's type.
    """
    out_channels, group_channels = weight.shape[:2]
    both = np.kron(transform.g, transform.g)
    filters = weight.swapaxes(2, 3).reshape(-1, 9)
    result = np.empty((len(both), len(filters)), weight.dtype)
    for start in range(0, len(filters), FILTERS_AT_ONCE):
        part = slice(start, start + FILTERS_AT_ONCE)
        result[:, part] = both @ filters[part].T.astype(np.float64)
    n = transform.n
    return result.reshape(n, n, groups, out_channels // groups, group_channels)


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    transform: Transform,
    paddings: Pads = (0, 0, 0, 0),
    activate: InPlace | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with transformed weights to (N, O, P, Q).

    Args:
        x: The input.
        weight: What ``transform_weights`` made, (n, n, groups, O / groups, C / groups).
        bias: One number for each output channel, (O,).
        transform: The one that the weights were made with.
        paddings: Zeros at the top, bottom, left and right.
        activate: Applied to the output while it is in the cache.
        out: Where to write the output.
    """
    batch, channels, height, width = x.shape
    top, bottom, left, right = paddings
    out_channels = weight.shape[2] * weight.shape[3]
    size = (height + top + bottom - 2, width + left + right - 2)
    y = np.empty((batch, out_channels, *size), x.dtype) if out is None else out
    shift = np.zeros(out_channels, x.dtype) if bias is None else bias
    matrices = Matrices.of(transform, x.dtype)
    rows, columns = (-(-length // transform.m) for length in size)
    step = rows_at_once(max(channels, out_channels), rows, columns, transform.n, x.itemsize)
    buffers = _buffers(channels, out_channels, Block(0, step, columns), transform.n, x.dtype)
    for image in range(batch):
        for first in range(0, rows, step):
            block = Block(first, min(step, rows - first), columns)
            v = _transform_input(x[image], (top, left), block, matrices, buffers)
            product = _multiply(weight, v, block, buffers)
            target = y[image, :, first * transform.m : (first + block.rows) * transform.m]
            _transform_output(product, shift, block, matrices, buffers, target)
            if activate is not None:
                with rows_where_they_lie(target.shape[1] * target.shape[2]):
                    activate(target)
    return y


def rows_at_once(channels: int, rows: int, columns: int, n: int, itemsize: int) -> int:
    """How many rows of tiles fit into the cache, all blocks about equally high."""
    bytes_per_row = 2 * n * n * channels * (columns + 1) * itemsize
    fitting = max(CACHE_BYTES // bytes_per_row, -(-FEWEST_TILES // columns), FEWEST_ROWS)
    blocks = -(-rows // fitting)
    return -(-rows // blocks)


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """A transform in the element type of the input."""

    a_t: np.ndarray
    b_t: np.ndarray

    @classmethod
    def of(cls, transform: Transform, dtype: np.dtype[np.generic]) -> Matrices:
        return cls(transform.a_t.astype(dtype), transform.b_t.astype(dtype))


Buffers: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Two stretches of memory; each step reads one of them and writes the other."""


def _buffers(
    channels: int, out_channels: int, block: Block, n: int, dtype: np.dtype[np.generic]
) -> Buffers:
    size = n * n * max(channels, out_channels) * block.plane
    return aligned_empty((size,), dtype), aligned_empty((size,), dtype)


def _shaped(buffer: np.ndarray, *shape: int) -> np.ndarray:
    """The start of a buffer as an array."""
    return buffer[: int(np.prod(shape))].reshape(shape)


def _transform_input(
    x: np.ndarray, pads: tuple[int, int], block: Block, matrices: Matrices, buffers: Buffers
) -> np.ndarray:
    """B^T d B of x (C, H, W) as (n, n, C * plane), in the second of the two buffers."""
    m, n = matrices.a_t.shape
    channels = len(x)
    split = _shaped(buffers[0], n, m * channels * block.plane)
    _split(x, pads, block, split[:m].reshape(m, m, channels, block.rows + 1, block.pitch))
    _take_from_neighbours(split, m, 1)
    half = _shaped(buffers[1], n, n, channels * block.plane)
    np.matmul(matrices.b_t, split, out=half.reshape(n, -1)[:, : split.shape[1]])
    for column in half:
        _take_from_neighbours(column, m, block.pitch)
    return np.matmul(matrices.b_t, half, out=_shaped(buffers[0], *half.shape))


def _split(x: np.ndarray, pads: tuple[int, int], block: Block, split: np.ndarray) -> None:
    """Sort x (C, H, W) by column and row modulo m into (m, m, C, rows + 1, columns + 1)."""
    m = len(split)
    split[...] = 0
    for column in range(m):
        into, taken = inside(column - pads[1], m, block.pitch, x.shape[2])
        for row in range(m):
            first = block.first * m + row - pads[0]
            into_rows, taken_rows = inside(first, m, block.rows + 1, x.shape[1])
            split[column, row, :, into_rows, into] = x[:, taken_rows, taken]


def _take_from_neighbours(planes: np.ndarray, m: int, distance: int) -> None:
    """Fill rows m and up of planes (n, L) with the first ones, ``distance`` further on."""
    more = len(planes) - m
    planes[m:, :-distance] = planes[:more, distance:]
    planes[m:, -distance:] = 0


def _multiply(weight: np.ndarray, v: np.ndarray, block: Block, buffers: Buffers) -> np.ndarray:
    """The channels of each position, weight (n, n, g, O / g, C / g) by v (n, n, C * plane)."""
    n, _, groups, group_outputs, group_channels = weight.shape
    tiles = block.rows * block.pitch
    planes = v.reshape(n, n, groups, group_channels, block.plane)[..., :tiles]
    product = _shaped(buffers[1], n, n, groups, group_outputs, tiles)
    np.matmul(weight, planes, out=product)
    return product.reshape(n, n, -1)


def _transform_output(
    product: np.ndarray,
    shift: np.ndarray,
    block: Block,
    matrices: Matrices,
    buffers: Buffers,
    target: np.ndarray,
) -> None:
    """Write A^T product A + shift to target (O, P, Q); product is (n, n, O * tiles)."""
    m, n = matrices.a_t.shape
    out_channels, height, width = target.shape
    half = np.matmul(matrices.a_t, product, out=_shaped(buffers[0], n, m, product.shape[2]))
    y = _shaped(buffers[1], m, product.shape[2], m)
    np.matmul(half.transpose(1, 2, 0), matrices.a_t.T, out=y)  # a tile's row is contiguous now
    rows = y.reshape(m, out_channels, block.rows, block.pitch * m)
    for row in range(m):
        count = -(-(height - row) // m)
        np.add(rows[row, :, :count, :width], shift[:, None, None], out=target[:, row::m])
