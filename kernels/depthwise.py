"""Convolution of each channel by filters of its own, NCHW.

There is nothing to multiply matrices for. The input is split by the strides and padded;
then what a tap reads under all windows is the plane from an offset on, with a few elements
too many at the end of each row. So every step runs over memory without gaps, and what is
surplus is dropped when the sum is written.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.memory import aligned_empty, rows_where_they_lie
from opt_tool.kernels.planes import InPlace, Pads, Pair, split, split_size, taps, window_counts

SUM_BYTES = 128 * 1024
"""How much of the output is summed up at once: with its input it fits into the cache."""


def depthwise_conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    activate: InPlace | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (C, 1, R, S) to (N, C, P, Q)."""
    kernel = (weight.shape[2], weight.shape[3])
    padded = (x.shape[2] + sum(paddings[:2]), x.shape[3] + sum(paddings[2:]))
    counts = window_counts(padded, kernel=kernel, strides=strides, dilations=dilations)
    size = split_size(counts, kernel=kernel, strides=strides, dilations=dilations)
    views = list(taps(kernel, strides=strides, dilations=dilations))
    y = np.empty((*x.shape[:2], *counts), np.result_type(x, weight)) if out is None else out
    filters = weight.reshape(len(weight), -1)
    step = max(1, SUM_BYTES // max(1, size[0] * size[1] * y.itemsize))
    for image, target in zip(x, y, strict=True):
        for start in range(0, len(weight), step):
            part = slice(start, start + step)
            planes = split(image[part], size, strides=strides, paddings=paddings, spare=1)
            with rows_where_they_lie(size[0] * size[1]):
                total = _sum_of_taps(planes, filters[part], views, counts)
            if bias is None:
                target[part] = total
            else:
                np.add(total, bias[part, np.newaxis, np.newaxis], out=target[part])
            if activate is not None:
                activate(target[part])
    return y


def _sum_of_taps(
    planes: np.ndarray,
    filters: np.ndarray,
    views: list[tuple[int, int, int, int]],
    counts: Pair,
) -> np.ndarray:
    """The taps' planes (SH, SW, C + 1, R, S) by filters (C, taps), summed to (C, P, Q).

    What a tap reads runs on into the next channel's plane, so that all operands lie
    alike and without gaps; what is surplus at the end of each plane is cut off.
    """
    rows, pitch = planes.shape[3:]
    channels = len(filters)
    flat = planes.reshape(*planes.shape[:2], -1)
    space = aligned_empty((2, channels, rows * pitch), planes.dtype)
    total, term = space
    for number, (row, column, top, left) in enumerate(views):
        start = top * pitch + left
        taken = flat[row, column, start : start + total.size].reshape(total.shape)
        factor = filters[:, number, np.newaxis]
        if number == 0:
            np.multiply(taken, factor, out=total)
        else:
            np.multiply(taken, factor, out=term)
            np.add(total, term, out=total)
    return total.reshape(channels, rows, pitch)[:, : counts[0], : counts[1]]
