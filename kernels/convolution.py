"""Convolution by matrix products on BLAS, channels last.

A 1x1 convolution is one product already. Others lay the windows of the input out first
(Chellapilla et al., High Performance Convolutional Neural Networks for Document Processing,
2006), some rows of windows at a time, so that they stay in the cache. There are two ways:

- by windows: one row for each window, for which all taps of a filter's row are copied at once;
- by rows: where rows of windows are long and channels few, each row of the input is laid out
  once for the taps beside each other. What one row of outputs reads are then the layouts of
  consecutive rows, which is one matrix without another copy.

Where each channel is filtered by itself, see ``depthwise``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from opt_tool.kernels.calls import Call, replay
from opt_tool.kernels.depthwise import depthwise_conv2d
from opt_tool.kernels.epilogue import PLAIN, Epilogue, Target
from opt_tool.kernels.memory import (
    aligned,
    aligned_empty,
    channels_last,
    element_type,
    hand_over,
    maybe_channels_last,
    output_for,
    overlapping,
)
from opt_tool.kernels.planes import (
    Geometry,
    InPlace,
    Pads,
    Pair,
    cutting_out,
    pad_spatial,
    reach,
    shaped,
    shifted,
    taken_region,
    window_counts,
)
from opt_tool.kernels.pointwise import FEWEST_WINDOWS, pointwise_conv2d
from opt_tool.kernels.products import SMALL, in_pieces, multiplication, piece_width

WINDOWS_BYTES = 1024 * 1024
"""How much of the windows is laid out at once: half of a core's own cache."""

ROWS_BYTES = 512 * 1024
"""How much of rows is laid out at once, beside which the output stays in the cache."""

LONG_ROW, FEW_CHANNELS = 48, 24
"""From how many windows in a row and up to how many channels rows are laid out."""


def goes_by_rows(channels: int, columns: int, dilations: Pair, groups: int) -> bool:
    """Whether rows are laid out, for ``columns`` windows beside each other."""
    return groups == dilations[0] == 1 and columns >= LONG_ROW and channels <= FEW_CHANNELS


def filter_matrix(
    weight: np.ndarray, *, groups: int = 1, by_rows: bool = False, width: int | None = None
) -> np.ndarray:
    """weight (O, C / groups, R, S) in the order of the layout: of its taps, and as it multiplies.

    By windows that is (groups, O / groups, R * S * C), or what ``products.in_pieces`` of a width
    makes of it; by rows it is (R * C * S, O).
    """
    if by_rows:
        return weight.transpose(2, 1, 3, 0).reshape(-1, len(weight))
    matrix = weight.transpose(0, 2, 3, 1).reshape(groups, len(weight) // groups, -1)
    return matrix if width is None else in_pieces(matrix[0], width)[np.newaxis]


def width_of_pieces(weight_shape: tuple[int, ...], groups: int, counts: Pair) -> int | None:
    """How wide pieces filters should be in where BLAS is fast at small products."""
    if groups > 1:
        return None
    return piece_width(math.prod(counts), math.prod(weight_shape[1:]), weight_shape[0])


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    finish: Epilogue = PLAIN,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    groups: int = 1,
    ready: np.ndarray | None = None,
    residual: np.ndarray | None = None,
    small: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (O, C / groups, R, S) to (N, O, P, Q), channels last.

    Args:
        x: The input.
        weight: The filters.
        finish: A bias and an activation, applied to the output while it is in the cache.
        strides: Of the rows and the columns.
        paddings: Zeros at the top, bottom, left and right.
        dilations: Of the rows and the columns.
        groups: Into how many parts the channels are divided.
        ready: What ``filter_matrix`` makes of the weight, or ``depthwise.written_out``.
        residual: Added before the activation; not where channels are filtered by themselves.
        small: Whether BLAS is fast at small products, see ``products``.
        out: Where to write the output, which may be ``residual``.
    """
    if weight.shape[:2] == (groups, 1) and groups > 1:
        assert residual is None
        return depthwise_conv2d(
            x,
            weight,
            finish,
            strides=strides,
            paddings=paddings,
            dilations=dilations,
            filters=ready,
            out=out,
        )
    kernel = (weight.shape[2], weight.shape[3])
    padded = (x.shape[2] + sum(paddings[:2]), x.shape[3] + sum(paddings[2:]))
    counts = window_counts(padded, kernel=kernel, strides=strides, dilations=dilations)
    if ready is None:
        by_rows = kernel != (1, 1) and goes_by_rows(x.shape[1], counts[1], dilations, groups)
        width = width_of_pieces(weight.shape, groups, counts) if small else None
        ready = filter_matrix(weight, groups=groups, by_rows=by_rows, width=width)
    if kernel == (1, 1):
        taken = pad_spatial(x, paddings)[:, :, :: strides[0], :: strides[1]]
        return pointwise_conv2d(taken, ready, finish, residual=residual, small=small, out=out)
    y = output_for(out, (len(x), len(weight), *counts), element_type(x, weight))
    geometry = Geometry.of(strides, dilations, paddings)
    adds = residual is not None
    blocks = Blocks.of(counts, weight.shape, geometry, groups=groups, adds=adds)
    space = aligned_empty((blocks.elements,), x.dtype)
    replay(
        im2col_calls(
            x, ready, finish, y, geometry, blocks, residual=residual, small=small, space=space
        )
    )
    return hand_over(y, out)


def direct_conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    groups: int = 1,
    activate: InPlace | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The same as ``conv2d``: the definition, one product for each tap, in little memory."""
    kernel = (weight.shape[2], weight.shape[3])
    padded = pad_spatial(x, paddings)
    counts = window_counts(padded.shape[2:], kernel=kernel, strides=strides, dilations=dilations)
    shape = (len(x), groups, len(weight) // groups, *counts)
    y = np.zeros(shape, np.result_type(x, weight))
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            taken = shifted(
                padded, row, column, counts=counts, strides=strides, dilations=dilations
            )
            columns = taken.reshape(len(x), groups, -1, counts[0] * counts[1])
            tap = weight[:, :, row, column].reshape(groups, shape[2], -1)
            y += np.matmul(tap, columns).reshape(shape)
    if bias is not None:
        y += bias.reshape(groups, -1, 1, 1)
    result = y.reshape(len(x), len(weight), *counts)
    if activate is not None:
        activate(result)
    if out is None:
        return result
    out[...] = result
    return out


class Blocks(NamedTuple):
    """What is laid out at once, of float32.

    Attributes:
        rows: How many rows of windows.
        taken: The shape of what they cover of the input, where that is copied.
        laid_out: The shape of their layout: by windows (rows, Q, groups, R, S, C / groups), by rows
            (rows of the input, C, S, Q).
        made: The shape of their outputs, where those need memory of their own.
    """

    rows: int
    taken: tuple[int, int, int]
    laid_out: tuple[int, ...]
    made: tuple[int, int, int]

    @classmethod
    def of(
        cls,
        counts: Pair,
        weight_shape: tuple[int, ...],
        geometry: Geometry,
        *,
        groups: int,
        adds: bool,
    ) -> Blocks:
        """For ``counts`` windows, and filters (O, C / groups, R, S)."""
        filters, depth, *kernel = weight_shape
        (down, across), dilations, _ = geometry
        is_by_rows = goes_by_rows(depth * groups, counts[1], dilations, groups)
        if is_by_rows:
            row_bytes = down * depth * kernel[1] * counts[1] * 4
            fitting = max(1, ROWS_BYTES // row_bytes)
        else:
            row_bytes = groups * math.prod(weight_shape[1:]) * counts[1] * 4
            fitting = max(WINDOWS_BYTES // row_bytes, -(-FEWEST_WINDOWS // counts[1]))
        rows = -(-counts[0] // -(-counts[0] // fitting))
        height = reach(rows, kernel[0], down, dilations[0])
        width = reach(counts[1], kernel[1], across, dilations[1])
        made = (rows if adds else 0, counts[1], filters)
        if is_by_rows:
            laid_out: tuple[int, ...] = (height, depth, kernel[1], counts[1])
            return cls(rows, (height, depth, width), laid_out, made)
        laid_out = (rows, counts[1], groups, *kernel, depth)
        return cls(rows, (height, width, groups * depth), laid_out, made)

    @property
    def elements(self) -> int:
        """How much memory all of it takes."""
        return sum(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        return [aligned(math.prod(shape)) for shape in (self.taken, self.laid_out, self.made)]

    def spaces(self, memory: np.ndarray) -> list[np.ndarray]:
        """Memory for what is taken, for the layout and for outputs."""
        ends = itertools.accumulate(self._sizes)
        return [memory[end - size : end] for end, size in zip(ends, self._sizes, strict=True)]


def im2col_calls(
    x: np.ndarray,
    filters: np.ndarray,
    finish: Epilogue,
    y: np.ndarray,
    geometry: Geometry,
    blocks: Blocks,
    *,
    residual: np.ndarray | None,
    small: bool,
    space: np.ndarray,
) -> Iterator[Call]:
    """What convolves x (N, C, H, W) to y (N, P, Q, O), which lies in a row.

    ``filters`` are what ``filter_matrix`` makes of the weight, ``space`` is what the blocks take.
    """
    *spaces, made = blocks.spaces(space)
    added = maybe_channels_last(residual)
    calls = _by_rows if filters.ndim == 2 else _by_windows
    for number, image in enumerate(channels_last(x)):
        added_here = None if added is None else added[number]
        target = Target(y[number], added_here, finish, shaped(made, *blocks.made))
        yield from calls(image, filters, geometry, blocks, spaces, target, small=small)


def _by_windows(
    x: np.ndarray,
    filters: np.ndarray,
    geometry: Geometry,
    blocks: Blocks,
    spaces: Sequence[np.ndarray],
    target: Target,
    *,
    small: bool,
) -> Iterator[Call]:
    """Convolve x (H, W, C) with filters by windows to (P, Q, O)."""
    rows, width, _ = target.out.shape
    strides, dilations, (top, left) = geometry
    _, _, groups, height, across, depth = blocks.laid_out
    for first in range(0, rows, blocks.rows):
        count = min(blocks.rows, rows - first)
        size = (reach(count, height, strides[0], dilations[0]), blocks.taken[1])
        part, taking = taken_region(x, (top + first * strides[0], left), size, spaces[0])
        yield from taking
        row, column, element = part.strides
        shape = (count, width, groups, height, across, depth)
        steps = (
            strides[0] * row,
            strides[1] * column,
            depth * element,
            dilations[0] * row,
            dilations[1] * column,
            element,
        )
        windows = shaped(spaces[1], *shape)
        yield partial(np.copyto, windows, overlapping(part, shape, steps))
        places = windows.reshape(count * width, groups, -1)
        made = target.begin(slice(first, first + count))
        yield from multiplication(
            places, filters, made.reshape(len(places), groups, -1), small=small
        )
        yield from target.ending(slice(first, first + count), made)


def _by_rows(
    x: np.ndarray,
    filters: np.ndarray,
    geometry: Geometry,
    blocks: Blocks,
    spaces: Sequence[np.ndarray],
    target: Target,
    *,
    small: bool,
) -> Iterator[Call]:
    """Convolve x (H, W, C) with filters (R * C * S, O) by rows to (P, Q, O)."""
    rows, width, _ = target.out.shape
    (down, across), (_, dilation), (top, left) = geometry
    part, laid_out = (
        shaped(space, *shape)
        for space, shape in zip(spaces, (blocks.taken, blocks.laid_out), strict=True)
    )
    row, plane, element = part.strides
    view = overlapping(part, blocks.laid_out, (row, plane, dilation * element, across * element))
    row, _, column, element = laid_out.strides
    pieces = equal_pieces(width, filters.size) if small else 1
    for first in range(0, rows, blocks.rows):
        count = min(blocks.rows, rows - first)
        yield from cutting_out(x, (top + first * down, left), part.swapaxes(1, 2), (1, 1))
        yield partial(np.copyto, laid_out, view)
        strips = overlapping(
            laid_out,
            (count, pieces, width // pieces, len(filters)),
            (down * row, width // pieces * element, element, column),
        )
        made = target.begin(slice(first, first + count))
        products = made.reshape(count, pieces, width // pieces, -1)
        yield partial(np.matmul, strips, filters, out=products)
        yield from target.ending(slice(first, first + count), made)


def equal_pieces(width: int, elements: int) -> int:
    """Into how many pieces a row is cut to multiply a matrix by small products."""
    fewest = -(-width * elements // SMALL)
    fitting = (pieces for pieces in range(fewest, width + 1) if width % pieces == 0)
    return next((pieces for pieces in fitting if pieces < 2 * fewest), 1)
