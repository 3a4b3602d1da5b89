"""Pooling, NCHW: windows are reduced one axis after the other.

Maxima and sums of a rectangle are those of its columns' ones, so that a window of R by S
costs R + S steps on whole planes.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.planes import Pads, Pair, pad_spatial

PLANES_BYTES = 512 * 1024
"""How much of the input is reduced at once, so that it stays in the cache."""


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
    padded = _padded(x, ksize, strides, paddings, out_size, -np.inf)
    y = np.empty((*x.shape[:2], *out_size), x.dtype) if out is None else out
    return _reduce_windows(np.maximum, padded, ksize, strides, y)


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
    padded = _padded(x, ksize, strides, paddings, out_size, 0.0)
    sums = np.empty((*x.shape[:2], *out_size), x.dtype) if out is None else out
    _reduce_windows(np.add, padded, ksize, strides, sums)
    counts = [
        _counts(size, extent, stride, pads, count, exclusive=exclusive)
        for size, extent, stride, pads, count in zip(
            x.shape[2:], ksize, strides, (paddings[:2], paddings[2:]), out_size, strict=True
        )
    ]
    return np.divide(sums, np.outer(counts[0], counts[1]).astype(x.dtype), out=sums)


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


def _reduce_windows(
    function: np.ufunc, x: np.ndarray, ksize: Pair, strides: Pair, out: np.ndarray
) -> np.ndarray:
    """Reduce the windows of x (N, C, H, W), padded already, to out (N, C, P, Q)."""
    step = max(1, PLANES_BYTES // max(1, x.shape[2] * x.shape[3] * x.itemsize))
    for image, target in zip(x, out, strict=True):
        for start in range(0, len(target), step):
            planes, result = image[start : start + step], target[start : start + step]
            shape = (len(planes), result.shape[1], planes.shape[2])
            rows = np.empty(shape, x.dtype)
            _reduce(function, planes, 1, ksize[0], strides[0], rows)
            _reduce(function, rows, 2, ksize[1], strides[1], result)
    return out


def _reduce(
    function: np.ufunc, x: np.ndarray, axis: int, extent: int, stride: int, out: np.ndarray
) -> None:
    """Reduce as many windows of an axis as ``out`` has by a binary function."""

    def shifted(offset: int) -> np.ndarray:
        span = slice(offset, offset + (out.shape[axis] - 1) * stride + 1, stride)
        return x[(slice(None),) * axis + (span,)]

    if extent == 1:
        out[...] = shifted(0)
        return
    function(shifted(0), shifted(1), out=out)
    for offset in range(2, extent):
        function(out, shifted(offset), out=out)


def _counts(
    size: int, extent: int, stride: int, pads: Pair, count: int, *, exclusive: bool
) -> np.ndarray:
    """How many elements each window of an axis has that are to be counted."""
    start = np.arange(count) * stride - pads[0]
    low, high = (0, size) if exclusive else (-pads[0], size + pads[1])
    return np.maximum(np.minimum(start + extent, high) - np.maximum(start, low), 1)
