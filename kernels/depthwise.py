"""Convolution of each channel by filters of its own.

Channels last, what a tap reads under some windows of a row is a stretch of memory, as long
as those windows' outputs. With the filters written out that long, all taps of all rows are
one sum of products::

    y[p, l] = sum over r, s of  x[p + r, s + l] * filters[r, s, l]

where l counts places and channels together. Columns are sorted by their remainder modulo
the stride first, so that this also holds where windows are further apart.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.epilogue import PLAIN, Epilogue
from opt_tool.kernels.memory import (
    aligned_empty,
    channels_last,
    element_type,
    hand_over,
    output_for,
    overlapping,
)
from opt_tool.kernels.planes import (
    Pads,
    Pair,
    TapGroup,
    cut_out,
    reach,
    tap_groups,
    window_counts,
)

ROW_ELEMENTS = 4096
"""About how many elements of a row are summed at once: they and their filters stay near."""

BLOCK_BYTES = 1024 * 1024
"""How much of the input is sorted at once, so that it stays in the cache."""


def places_at_once(count: int, channels: int) -> int:
    """Into parts of how many places a row of ``count`` is cut, all about equally long."""
    return -(-count // max(1, count * channels // ROW_ELEMENTS))


def written_out(weight: np.ndarray, places: int) -> np.ndarray:
    """weight (C, 1, R, S) as (R, S, places * C), once for each place."""
    filters = weight[:, 0].transpose(1, 2, 0)
    shape = (*filters.shape[:2], places, filters.shape[2])
    return np.broadcast_to(filters[:, :, np.newaxis], shape).reshape(*shape[:2], -1)


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
    width = -(-reach(counts[1], kernel[1], strides[1], dilations[1]) // strides[1])
    row_bytes = strides[0] * strides[1] * width * channels * x.itemsize
    step = max(1, min(counts[0], BLOCK_BYTES // row_bytes))
    depth = reach(step, kernel[0], strides[0], dilations[0])
    space = aligned_empty((strides[1], depth, width, channels), x.dtype)
    for image, planes in zip(channels_last(x), y, strict=True):
        for first in range(0, counts[0], step):
            target = planes[first : first + step].reshape(-1, counts[1] * channels)
            top = first * strides[0] - paddings[0]
            for remainder, columns in enumerate(space):
                corner = (top, remainder - paddings[2])
                cut_out(image, corner, columns, (1, strides[1]))
            _sum_taps(space, filters, target, (strides[0], dilations[0]), strides[1], dilations[1])
            finish(target)
    return hand_over(y, out)


def _sum_taps(
    space: np.ndarray, filters: np.ndarray, out: np.ndarray, down: Pair, stride: int, dilation: int
) -> None:
    """Sum sorted columns (SW, rows, columns, C) by filters (R, S, L) to rows of outputs.

    ``down`` is the stride and the dilation of the rows.
    """
    channels, length = space.shape[3], filters.shape[2]
    groups = tap_groups(filters.shape[1], stride, dilation)
    for start in range(0, out.shape[1], length):
        target = out[:, start : start + length]
        weights = filters[:, :, : target.shape[1]]
        sums = target
        for group in groups:
            view = _taps(space, group, start // channels, weights, (len(out), *down))
            np.einsum("prsl,rsl->pl", view, weights[:, group.taps], out=sums)
            if sums is not target:
                target += sums
            elif len(groups) > 1:
                sums = np.empty_like(target)


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
