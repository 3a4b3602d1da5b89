"""Convolution of each channel by filters of its own, NCHW, as matrix products.

Summing shifted and weighted planes takes two steps over memory for each tap. A product with
a matrix that is mostly zeros is faster: what a row of R inputs, laid end to end, gives for a
block of outputs is a product with a band matrix, which has the filter once in each column,
one stride further down each time::

    y[p, q] = sum over r, w of  x[p * stride + r, w] * band[(r, w), q]

The blocks are narrow, so that the zeros cost little.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from opt_tool.kernels.memory import aligned_empty, rows_where_they_lie
from opt_tool.kernels.planes import InPlace, Pads, Pair, split, window_counts

NARROWEST, BEST, WIDEST = 10, 16, 20
"""How many outputs of a row one product makes, if the row is not shorter."""

WINDOWS_BYTES = 512 * 1024
"""How much of the input is laid out at once, so that it stays in the cache."""


def block_width(count: int) -> int:
    """Into blocks of how many outputs a row of ``count`` is cut, without rest if it can be."""
    if count <= WIDEST:
        return count
    whole = [width for width in range(NARROWEST, WIDEST + 1) if count % width == 0]
    return min(whole, key=lambda width: abs(width - BEST), default=BEST)


def band_matrices(weight: np.ndarray, block: int, *, stride: int, dilation: int) -> np.ndarray:
    """weight (C, 1, R, S) as matrices (C, R * width, block) for blocks of outputs of a row."""
    channels, _, rows, columns = weight.shape
    width = (block - 1) * stride + (columns - 1) * dilation + 1
    bands = np.zeros((channels, rows, width, block), weight.dtype)
    outputs = np.arange(block)
    for column in range(columns):
        inputs = outputs * stride + column * dilation
        bands[:, :, inputs, outputs] = weight[:, 0, :, column, np.newaxis]
    return bands.reshape(channels, rows * width, block)


def depthwise_conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    bands: np.ndarray | None = None,
    activate: InPlace | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (C, 1, R, S) to (N, C, P, Q).

    Args:
        x: The input.
        weight: The filters.
        bias: One number for each channel, (C,).
        strides: Of the rows and the columns.
        paddings: Zeros at the top, bottom, left and right.
        dilations: Of the rows and the columns.
        bands: What ``band_matrices`` makes of the weight, for ``block_width(Q)``.
        activate: Applied to the output while it is in the cache.
        out: Where to write the output.
    """
    kernel = (weight.shape[2], weight.shape[3])
    padded = (x.shape[2] + sum(paddings[:2]), x.shape[3] + sum(paddings[2:]))
    counts = window_counts(padded, kernel=kernel, strides=strides, dilations=dilations)
    y = np.empty((*x.shape[:2], *counts), np.result_type(x, weight)) if out is None else out
    block = block_width(counts[1])
    if bands is None:
        bands = band_matrices(weight, block, stride=strides[1], dilation=dilations[1])
    blocks = -(-counts[1] // block)
    depth = bands.shape[1]
    size = (
        (counts[0] - 1) * strides[0] + (kernel[0] - 1) * dilations[0] + 1,
        (blocks - 1) * block * strides[1] + depth // kernel[0],
    )
    step = max(1, WINDOWS_BYTES // max(1, counts[0] * blocks * depth * x.itemsize))
    for image, target in zip(x, y, strict=True):
        for start in range(0, len(weight), step):
            part = slice(start, start + step)
            (planes,) = split(image[part], size, strides=(1, 1), paddings=paddings)[0]
            windows = _windows(
                planes, (counts[0], blocks, kernel[0], depth // kernel[0]),
                (strides[0], block * strides[1]), dilations[0],
            )  # fmt: skip
            _multiply(windows, bands[part], target[part])
            flat = target[part].reshape(-1, counts[0] * counts[1])
            with rows_where_they_lie(flat.shape[1]):
                if bias is not None:
                    np.add(flat, bias[part, np.newaxis], out=flat)
                if activate is not None:
                    activate(flat)
    return y


def _windows(
    planes: np.ndarray, shape: tuple[int, int, int, int], steps: Pair, dilation: int
) -> np.ndarray:
    """What each block of outputs reads of planes (C, H, W), as (C, P * blocks, R * width)."""
    channel, row, column = planes.strides
    strides = (channel, steps[0] * row, steps[1] * column, dilation * row, column)
    view = as_strided(planes, (len(planes), *shape), strides, writeable=False)
    windows = aligned_empty(view.shape, planes.dtype)
    np.copyto(windows, view)
    return windows.reshape(len(planes), shape[0] * shape[1], -1)


def _multiply(windows: np.ndarray, bands: np.ndarray, out: np.ndarray) -> None:
    """Write windows @ bands, (C, P * blocks, block), to out (C, P, Q), cut at the end of rows."""
    channels, rows, columns = out.shape
    shape = (channels, windows.shape[1], bands.shape[2])
    if out.size == channels * shape[1] * shape[2]:
        np.matmul(windows, bands, out=out.reshape(shape))
        return
    product = aligned_empty(shape, out.dtype)
    np.matmul(windows, bands, out=product)
    out[...] = product.reshape(channels, rows, -1)[:, :, :columns]
