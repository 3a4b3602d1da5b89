"""Convolution of each channel by filters of its own.

Channels last, what a tap reads under some windows of a row is a stretch of memory, as long
as those windows' outputs. With the filters written out that long, all taps of all rows are
one sum of products::

    y[p, l] = sum over r, s of  x[p + r, s + l] * filters[r, s, l]

where l counts places and channels together. Columns are sorted by their remainder modulo
the stride first, so that this also holds where windows are further apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from opt_tool.kernels.calls import Call, replay
from opt_tool.kernels.epilogue import PLAIN, Epilogue
from opt_tool.kernels.memory import (
    aligned,
    aligned_empty,
    channels_last,
    element_type,
    hand_over,
    output_for,
    overlapping,
)
from opt_tool.kernels.planes import (
    Geometry,
    Pads,
    Pair,
    TapGroup,
    cutting_out,
    reach,
    shaped,
    tap_groups,
    window_counts,
)

ROW_ELEMENTS = 4096
"""About how many elements of a row are summed at once: they and their filters stay near."""

BLOCK_BYTES = 512 * 1024
"""How much of the input is sorted at once, so that it stays in the cache with its output."""


def places_at_once(count: int, channels: int) -> int:
    """Into parts of how many places a row of ``count`` is cut, all about equally long."""
    return -(-count // max(1, count * channels // ROW_ELEMENTS))


def most_places_at_once(channels: int) -> int:
    """The longest part into which a row of any length is cut."""
    return max(1, (2 * ROW_ELEMENTS - 1) // channels)


def written_out(weight: np.ndarray, places: int) -> np.ndarray:
    """weight (C, 1, R, S) as (R, S, places * C), once for each place."""
    filters = weight[:, 0].transpose(1, 2, 0)
    shape = (*filters.shape[:2], places, filters.shape[2])
    return np.broadcast_to(filters[:, :, np.newaxis], shape).reshape(*shape[:2], -1)


class Blocks(NamedTuple):
    """How the rows of an output are computed, some at a time.

    Attributes:
        rows: How many rows of windows at once.
        columns: The shape that the columns they cover have when they are sorted, (SW, H, W, C).
        sums: The shape of the sums of one group of taps, where there are more groups.
    """

    rows: int
    columns: tuple[int, int, int, int]
    sums: tuple[int, int]

    @classmethod
    def of(
        cls, counts: Pair, channels: int, kernel: Pair, strides: Pair, dilations: Pair
    ) -> Blocks:
        """For ``counts`` windows of float32."""
        width = -(-reach(counts[1], kernel[1], strides[1], dilations[1]) // strides[1])
        row_bytes = strides[0] * strides[1] * width * channels * 4
        rows = max(1, min(counts[0], BLOCK_BYTES // row_bytes))
        depth = reach(rows, kernel[0], strides[0], dilations[0])
        is_split = len(tap_groups(kernel[1], strides[1], dilations[1])) > 1
        length = places_at_once(counts[1], channels) * channels if is_split else 0
        return cls(rows, (strides[1], depth, width, channels), (rows, length))

    @property
    def elements(self) -> int:
        """How much memory a block takes."""
        return self._sums_start + math.prod(self.sums)

    def spaces(self, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memory for the columns and for the sums."""
        return shaped(memory, *self.columns), memory[self._sums_start :]

    @property
    def _sums_start(self) -> int:
        return aligned(math.prod(self.columns))


def depthwise_conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    finish: Epilogue = PLAIN,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    filters: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (C, 1, R, S) to (N, C, P, Q), channels last.

    Args:
        x: The input.
        weight: The filters.
        finish: A bias and an activation, applied to the output while it is in the cache.
        strides: Of the rows and the columns.
        paddings: Zeros at the top, bottom, left and right.
        dilations: Of the rows and the columns.
        filters: The weight, ``written_out`` for ``places_at_once(Q, C)``.
        out: Where to write the output.
    """
    channels = len(weight)
    kernel = (weight.shape[2], weight.shape[3])
    padded = (x.shape[2] + sum(paddings[:2]), x.shape[3] + sum(paddings[2:]))
    counts = window_counts(padded, kernel=kernel, strides=strides, dilations=dilations)
    y = output_for(out, (len(x), channels, *counts), element_type(x, weight))
    if filters is None:
        filters = written_out(weight, places_at_once(counts[1], channels))
    blocks = Blocks.of(counts, channels, kernel, strides, dilations)
    space = aligned_empty((blocks.elements,), x.dtype)
    geometry = Geometry.of(strides, dilations, paddings)
    replay(depthwise_calls(x, filters, finish, y, geometry, blocks, space))
    return hand_over(y, out)


def depthwise_calls(
    x: np.ndarray,
    filters: np.ndarray,
    finish: Epilogue,
    y: np.ndarray,
    geometry: Geometry,
    blocks: Blocks,
    space: np.ndarray,
) -> Iterator[Call]:
    """What convolves x (N, C, H, W) to y (N, P, Q, C), which lies in a row.

    ``filters`` are as in ``depthwise_conv2d``, and ``space`` is what the blocks take.
    """
    columns, sums = blocks.spaces(space)
    (down, across), _, (top, left) = geometry
    for image, planes in zip(channels_last(x), y, strict=True):
        for first in range(0, len(planes), blocks.rows):
            target = planes[first : first + blocks.rows].reshape(-1, math.prod(y.shape[2:]))
            for remainder, sorted_columns in enumerate(columns):
                corner = (first * down + top, remainder + left)
                yield from cutting_out(image, corner, sorted_columns, (1, across))
            yield from _summing_taps(columns, filters, target, geometry, sums)
            yield from finish.calls(target)


def _summing_taps(
    space: np.ndarray,
    filters: np.ndarray,
    out: np.ndarray,
    geometry: Geometry,
    memory: np.ndarray,
) -> Iterator[Call]:
    """What sums sorted columns (SW, rows, columns, C) by filters (R, S, L) to rows of outputs."""
    channels, length = space.shape[3], filters.shape[2]
    (down, across), dilations, _ = geometry
    groups = tap_groups(filters.shape[1], across, dilations[1])
    for start in range(0, out.shape[1], length):
        target = out[:, start : start + length]
        weights = filters[:, :, : target.shape[1]]
        sums = target
        for group in groups:
            view = _taps(space, group, start // channels, weights, (len(out), down, dilations[0]))
            yield partial(np.einsum, "prsl,rsl->pl", view, weights[:, group.taps], out=sums)
            if sums is not target:
                yield partial(np.add, target, sums, out=target)
            elif len(groups) > 1:
                sums = shaped(memory, *target.shape)


def _taps(
    space: np.ndarray, group: TapGroup, place: int, weights: np.ndarray, rows: tuple[int, int, int]
) -> np.ndarray:
    """What the taps of a group read from ``place`` on, (P, R, taps, L)."""
    count, stride, dilation = rows
    remainder, row, column, element = space.strides
    taps = weights[:, group.taps].shape[:2]
    return overlapping(
        space,
        (count, *taps, weights.shape[2]),
        (stride * row, dilation * row, group.step * column, element),
        start=group.remainder * remainder + (place + group.start) * column,
    )
