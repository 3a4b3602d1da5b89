"""3x3 convolution at stride 1 by Winograd's minimal filtering.

F(m, 3) on both axes computes m * m outputs from n * n inputs, n = m + 2, by n * n products
for each channel in place of 9 * m * m (Lavin and Gray, Fast Algorithms for Convolutional
Neural Networks, CVPR 2016)::

    y = A^T [ (G w G^T) * (B^T d B) ] A

All tiles of a block go through each step together, as matrix products: along rows, along
columns, then for each of the n * n positions the channels, then back. Channels last, what a
tile reads are stretches of memory at equal distances, also where tiles overlap; so nothing
is moved but by the products themselves.

More outputs for each tile mean fewer products and more error, which the points decide
(Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
Neural Networks, ACM TOMS 46, 2020). F43's points are multiples of sqrt(2), which halve the
error of Lavin's, kept as F43_LAVIN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opt_tool.kernels.cook_toom import Transform, rational, times_sqrt2
from opt_tool.kernels.epilogue import PLAIN, Epilogue, Target
from opt_tool.kernels.memory import (
    aligned_empty,
    channels_last,
    hand_over,
    maybe_channels_last,
    output_for,
    overlapping,
    rows_where_they_lie,
)
from opt_tool.kernels.planes import Pads, Pair, region, shaped

F23 = Transform(2, 3, rational(0, 1, -1))
F43 = Transform(4, 3, (*rational(0), *times_sqrt2(1, -1, 0.5, -0.5)))
F43_LAVIN = Transform(4, 3, rational(0, 1, -1, 2, -2))
F63 = Transform(6, 3, rational(0, 1, -1, 2, -2, 0.5, -0.5))

CACHE_BYTES = 4 * 1024 * 1024
"""What the two buffers of a block may take together."""

FEWEST_TILES = 128
"""Smaller blocks would read the weights too often."""

FILTERS_AT_ONCE = 1 << 14
"""How many 3x3 filters are transformed in one product, so that float64 stays small."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of tiles that are computed together, and how.

    Attributes:
        a_t: The output's transform, (m, n), in the element type of the input.
        b_t: The input's, (n, n).
        first: The first row of tiles.
        rows: How many there are.
        columns: How many tiles a row has.
        spaces: Two stretches of memory; each step reads one of them and writes the other.
    """

    a_t: np.ndarray
    b_t: np.ndarray
    first: int
    rows: int
    columns: int
    spaces: tuple[np.ndarray, np.ndarray]


def transform_weights(
    weight: np.ndarray, transform: Transform, *, groups: int = 1, strip: int | None = None
) -> np.ndarray:
    """G w G^T of weight (O, C / groups, 3, 3) as (n, n, groups, strips, C / groups, strip).

    A strip is so many filters that are multiplied together, by default all of a group.
    Computed in float64, handed back in weight's type.
    """
    out_channels, depth = weight.shape[:2]
    width = out_channels // groups if strip is None else strip
    both = np.kron(transform.g, transform.g)
    by_input = weight.reshape(groups, -1, width, depth, 9).swapaxes(2, 3)
    filters = by_input.reshape(-1, 9)
    result = np.empty((len(both), len(filters)), weight.dtype)
    for start in range(0, len(filters), FILTERS_AT_ONCE):
        part = slice(start, start + FILTERS_AT_ONCE)
        result[:, part] = both @ filters[part].T.astype(np.float64)
    n = transform.n
    return result.reshape(n, n, *by_input.shape[:4])


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    finish: Epilogue = PLAIN,
    *,
    transform: Transform,
    paddings: Pads = (0, 0, 0, 0),
    residual: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with transformed weights to (N, O, P, Q), channels last.

    Args:
        x: The input.
        weight: What ``transform_weights`` made, (n, n, groups, strips, C / groups, strip).
        finish: A bias and an activation, applied to the output while it is in the cache.
        transform: The one that the weights were made with.
        paddings: Zeros at the top, bottom, left and right.
        residual: Added before the activation.
        out: Where to write the output, which may be ``residual``.
    """
    batch, channels, height, width = x.shape
    top, bottom, left, right = paddings
    out_channels = weight.shape[2] * weight.shape[3] * weight.shape[5]
    size = (height + top + bottom - 2, width + left + right - 2)
    y = output_for(out, (batch, out_channels, *size), x.dtype)
    rows, columns = (-(-length // transform.m) for length in size)
    step = rows_at_once(channels, out_channels, rows, columns, transform.n, x.itemsize)
    spaces = _spaces(channels, out_channels, (step, columns), transform.n, x.dtype)
    a_t, b_t = transform.a_t.astype(x.dtype), transform.b_t.astype(x.dtype)
    shift = finish.shift(size[1], out_channels, x.dtype)
    added = maybe_channels_last(residual)
    for number, image in enumerate(channels_last(x)):
        target = Target(y[number], None if added is None else added[number], finish.without_bias)
        for first in range(0, rows, step):
            block = Block(a_t, b_t, first, min(step, rows - first), columns, spaces)
            part = slice(first * transform.m, (first + block.rows) * transform.m)
            made = target.begin(part)
            v = _transform_input(image, (-top, -left), block)
            product = _multiply(v, weight, block)
            _transform_output(product, shift, block, made)
            target.end(part, made)
    return hand_over(y, out)


def rows_at_once(
    channels: int, out_channels: int, rows: int, columns: int, n: int, itemsize: int
) -> int:
    """How many rows of tiles fit into the cache, all blocks about equally high."""
    bytes_per_row = n * n * (channels + out_channels) * columns * itemsize
    fitting = max(CACHE_BYTES // bytes_per_row, -(-FEWEST_TILES // columns), 1)
    blocks = -(-rows // fitting)
    return -(-rows // blocks)


def tiles_at_once(channels: int, out_channels: int, size: Pair, transform: Transform) -> int:
    """How many tiles of a float32 output of that size are computed together."""
    rows, columns = (-(-length // transform.m) for length in size)
    return columns * rows_at_once(channels, out_channels, rows, columns, transform.n, 4)


def _spaces(
    channels: int, out_channels: int, tiles: Pair, n: int, dtype: np.dtype[np.generic]
) -> tuple[np.ndarray, np.ndarray]:
    """Memory for the steps of a block; one of region, v and half, the other of the rest."""
    rows, columns = tiles
    m = n - 2
    one = max((m * rows + 2) * (m * columns + 2) * channels, n * n * rows * columns * channels)
    one = max(one, m * n * rows * columns * out_channels)
    other = max(n * (m * rows + 2) * columns * channels, n * n * rows * columns * out_channels)
    return aligned_empty((one,), dtype), aligned_empty((other,), dtype)


def _transform_input(x: np.ndarray, corner: Pair, block: Block) -> np.ndarray:
    """B^T d B of x (H, W, C), tiled from ``corner`` on, as (n, n, tiles, C)."""
    m, n = block.a_t.shape
    channels = x.shape[2]
    size = (m * block.rows + 2, m * block.columns + 2)
    corner = (corner[0] + block.first * m, corner[1])
    d = region(x, corner, size, block.spaces[0])
    row, place, element = d.strides
    tiles = (size[0], block.columns, n, channels)
    across = overlapping(d, tiles, (row, m * place, place, element))
    half = shaped(block.spaces[1], n, size[0], block.columns * channels)
    np.matmul(block.b_t, across, out=half.reshape(n, *tiles[:2], channels).transpose(1, 2, 0, 3))
    position, row, element = half.strides
    tiles = (n, block.rows, n, half.shape[2])
    down = overlapping(half, tiles, (position, m * row, row, element))
    v = shaped(block.spaces[0], n, n, block.rows, half.shape[2])
    np.matmul(block.b_t, down, out=v.transpose(1, 2, 0, 3))
    return v.reshape(n, n, -1, channels)


def _multiply(v: np.ndarray, weight: np.ndarray, block: Block) -> np.ndarray:
    """The channels of each position, v (n, n, T, C) by weight, as (n, n, T, O)."""
    n, _, groups, strips, depth, width = weight.shape
    tiles = v.shape[2]
    product = shaped(block.spaces[1], n, n, tiles, groups * strips * width)
    by_strip = product.reshape(n, n, tiles, groups, strips, width).transpose(0, 1, 3, 4, 2, 5)
    by_group = v.reshape(n, n, tiles, groups, 1, depth).transpose(0, 1, 3, 4, 2, 5)
    np.matmul(by_group, weight, out=by_strip)
    return product


def _transform_output(
    product: np.ndarray, shift: np.ndarray, block: Block, target: np.ndarray
) -> None:
    """Write A^T product A + shift (Q * O,) to target (P, Q, O); product is (n, n, tiles, O)."""
    m, n = block.a_t.shape
    height, width, channels = target.shape
    rows, columns = block.rows, block.columns
    half = shaped(block.spaces[0], m, n, rows, columns * channels)
    down = product.reshape(n, n, rows, columns * channels).transpose(1, 2, 0, 3)
    np.matmul(block.a_t, down, out=half.transpose(1, 2, 0, 3))
    y = shaped(block.spaces[1], rows, m, columns, m, channels)
    across = half.reshape(m, n, rows, columns, channels).transpose(0, 2, 3, 1, 4)
    np.matmul(block.a_t, across, out=y.transpose(1, 0, 2, 3, 4))
    places = y.reshape(rows * m, -1)[:height, : width * channels]
    with rows_where_they_lie(places.shape[1]):
        np.add(places, shift, out=target.reshape(height, -1))
