"""Pooling: windows are reduced one axis after the other, channels last.

Maxima and sums of a rectangle are those of its columns' ones, so that a window of R by S
costs R + S steps on whole planes. Each step takes what lies on the plane only, so that
nothing is padded.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.memory import (
    aligned_empty,
    channels_last,
    hand_over,
    lies_channels_last,
    output_for,
)
from opt_tool.kernels.planes import Pads, Pair, inside

BLOCK_BYTES = 512 * 1024
"""How much is reduced along one axis before the other, so that it stays in the cache."""


def max_pool2d(
    x: np.ndarray,
    *,
    ksize: Pair,
    strides: Pair,
    paddings: Pads,
    out_size: Pair,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The maxima of windows of x (N, C, H, W) as (N, C, *out_size); pads never win."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return _reduce_windows(np.maximum, lowest, x, ksize, strides, paddings, out_size, out)


def average_pool2d(
    x: np.ndarray,
    *,
    ksize: Pair,
    strides: Pair,
    paddings: Pads,
    out_size: Pair,
    exclusive: bool,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The means of windows of x (N, C, H, W) as (N, C, *out_size).

    With ``exclusive`` a mean is over the plane's own elements; else pads count as zeros,
    but what a window reaches beyond the pads does not count.
    """
    sums = _reduce_windows(np.add, 0, x, ksize, strides, paddings, out_size, out)
    counts = [
        _counts(size, extent, stride, pads, count, exclusive=exclusive)
        for size, extent, stride, pads, count in zip(
            x.shape[2:], ksize, strides, (paddings[:2], paddings[2:]), out_size, strict=True
        )
    ]
    return np.divide(sums, np.outer(counts[0], counts[1]).astype(x.dtype), out=sums)


def whole_average(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The mean of each plane of x (N, C, H, W) as (N, C, 1, 1)."""
    if not lies_channels_last(x) or x.dtype.kind != "f":
        return np.mean(x, axis=(2, 3), keepdims=True, out=out)
    batch, channels, height, width = x.shape
    shares = np.full((1, height * width), 1 / max(1, height * width), x.dtype)
    places = channels_last(x).reshape(batch, height * width, channels)
    y = output_for(out, (batch, channels, 1, 1), x.dtype)
    np.matmul(shares, places, out=y.reshape(batch, 1, channels))
    return hand_over(y, out)


def adaptive_pool2d(x: np.ndarray, *, reduce: np.ufunc, out_size: Pair) -> np.ndarray:
    """Reduce x (N, C, H, W) over windows that share out the plane to (N, C, *out_size).

    Window i of n on an axis of size s spans floor(i * s / n) to ceil((i + 1) * s / n).
    """
    y = x
    for axis, count in zip((2, 3), out_size, strict=True):
        size = x.shape[axis]
        spans = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        parts = [reduce.reduce(y.take(range(*span), axis), axis) for span in spans]
        y = np.stack(parts, axis)
    return y


def adaptive_counts(size: int, count: int) -> np.ndarray:
    """How many elements each window of ``adaptive_pool2d`` spans on an axis."""
    return np.array([-(-(i + 1) * size // count) - i * size // count for i in range(count)])


def _reduce_windows(
    function: np.ufunc,
    neutral: float,
    x: np.ndarray,
    ksize: Pair,
    strides: Pair,
    paddings: Pads,
    out_size: Pair,
    out: np.ndarray | None,
) -> np.ndarray:
    """Reduce the windows of x (N, C, H, W) to (N, C, *out_size), channels last."""
    y = output_for(out, (*x.shape[:2], *out_size), x.dtype)
    width, channels = x.shape[3], x.shape[1]
    fitting = max(1, BLOCK_BYTES // max(1, width * channels * x.itemsize))
    space = aligned_empty((min(fitting, out_size[0]), width, channels), x.dtype)
    for image, planes in zip(channels_last(x), y, strict=True):
        for first in range(0, out_size[0], fitting):
            result = planes[first : first + fitting]
            rows = space[: len(result)]
            top = first * strides[0] - paddings[0]
            _reduce(function, neutral, image, ksize[0], strides[0], top, rows)
            across, target = rows.swapaxes(0, 1), result.swapaxes(0, 1)
            _reduce(function, neutral, across, ksize[1], strides[1], -paddings[2], target)
    return hand_over(y, out)


def _reduce(
    function: np.ufunc,
    neutral: float,
    x: np.ndarray,
    extent: int,
    stride: int,
    start: int,
    out: np.ndarray,
) -> None:
    """Reduce windows of the first axis, from ``start`` on, by a function of two operands."""
    taps = [inside(start + tap, stride, len(out), len(x)) for tap in range(extent)]
    everywhere = slice(0, len(out))
    taps.sort(key=lambda tap: tap[0] != everywhere)  # those that fill the output come first
    whole = [x[read] for reached, read in taps[:2] if reached == everywhere]
    if len(whole) == 2:
        function(*whole, out=out)
    else:
        out[...] = whole[0] if whole else neutral
    for reached, read in taps[len(whole) :]:
        function(out[reached], x[read], out=out[reached])


def _counts(
    size: int, extent: int, stride: int, pads: Pair, count: int, *, exclusive: bool
) -> np.ndarray:
    """How many elements each window of an axis has that are to be counted."""
    start = np.arange(count) * stride - pads[0]
    low, high = (0, size) if exclusive else (-pads[0], size + pads[1])
    return np.maximum(np.minimum(start + extent, high) - np.maximum(start, low), 1)
