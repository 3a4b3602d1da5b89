"""Pooling, NCHW: windows are reduced one axis after the other.

Maxima and sums of a rectangle are those of its columns' ones, so that a window of R by S
costs R + S steps on whole planes.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.convolution import Pads, Pair, pad_spatial


def max_pool2d(
    x: np.ndarray, *, ksize: Pair, strides: Pair, paddings: Pads, out_size: Pair
) -> np.ndarray:
    """The maxima of windows of x (N, C, H, W) as (N, C, *out_size); pads never win."""
    padded = _padded(x, ksize, strides, paddings, out_size, -np.inf)
    rows = _reduce(np.maximum, padded, 2, ksize[0], strides[0], out_size[0])
    return _reduce(np.maximum, rows, 3, ksize[1], strides[1], out_size[1])


def average_pool2d(
    x: np.ndarray, *, ksize: Pair, strides: Pair, paddings: Pads, out_size: Pair, exclusive: bool
) -> np.ndarray:
    """The means of windows of x (N, C, H, W) as (N, C, *out_size).

    With ``exclusive`` a mean is over the plane's own elements; else pads count as zeros,
    but what a window reaches beyond the pads does not count.
    """
    padded = _padded(x, ksize, strides, paddings, out_size, 0.0)
    rows = _reduce(np.add, padded, 2, ksize[0], strides[0], out_size[0])
    sums = _reduce(np.add, rows, 3, ksize[1], strides[1], out_size[1])
    counts = [
        _counts(size, extent, stride, pads, count, exclusive=exclusive)
        for size, extent, stride, pads, count in zip(
            x.shape[2:], ksize, strides, (paddings[:2], paddings[2:]), out_size, strict=True
        )
    ]
    return sums / np.outer(counts[0], counts[1]).astype(x.dtype)


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


def _padded(
    x: np.ndarray, ksize: Pair, strides: Pair, paddings: Pads, out_size: Pair, value: float
) -> np.ndarray:
    """Pad x so that the last window just fits."""
    top, _, left, _ = paddings
    below, right = (
        (count - 1) * stride + extent - size - before
        for count, stride, extent, size, before in zip(
            out_size, strides, ksize, x.shape[2:], (top, left), strict=True
        )
    )
    return pad_spatial(x, (top, below, left, right), value)


def _reduce(
    function: np.ufunc, x: np.ndarray, axis: int, extent: int, stride: int, count: int
) -> np.ndarray:
    """Reduce ``count`` windows of an axis by a binary function."""

    def shifted(offset: int) -> np.ndarray:
        span = slice(offset, offset + (count - 1) * stride + 1, stride)
        return x[(slice(None),) * axis + (span,)]

    total = np.array(shifted(0))
    for offset in range(1, extent):
        function(total, shifted(offset), out=total)
    return total


def _counts(
    size: int, extent: int, stride: int, pads: Pair, count: int, *, exclusive: bool
) -> np.ndarray:
    """How many elements each window of an axis has that are to be counted."""
    start = np.arange(count) * stride - pads[0]
    low, high = (0, size) if exclusive else (-pads[0], size + pads[1])
    return np.maximum(np.minimum(start + extent, high) - np.maximum(start, low), 1)
