"""Convolution, NCHW, by matrix products on BLAS.

A 1x1 convolution is one product already. Others lay the windows of the input out as
columns first (Chellapilla et al., High Performance Convolutional Neural Networks for
Document Processing, 2006). Where each channel is filtered by itself, there is nothing to
multiply matrices for: the input is shifted, weighted and summed.
"""

from __future__ import annotations

import numpy as np

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


def pad_spatial(x: np.ndarray, pads: Pads, value: float = 0.0) -> np.ndarray:
    """Pad x (N, C, H, W) by top, bottom, left, right; negative ones crop."""
    top, bottom, left, right = pads
    if min(pads) < 0:
        height, width = x.shape[2:]
        x = x[:, :, max(0, -top) : height + min(0, bottom), max(0, -left) : width + min(0, right)]
    if max(pads) <= 0:
        return x
    top, left = max(top, 0), max(left, 0)
    batch, channels, height, width = x.shape
    shape = (batch, channels, top + height + max(bottom, 0), left + width + max(right, 0))
    padded = np.zeros(shape, x.dtype) if value == 0 else np.full(shape, value, x.dtype)
    padded[:, :, top : top + height, left : left + width] = x
    return padded


def window_counts(size: Pair, *, kernel: Pair, strides: Pair, dilations: Pair) -> Pair:
    """How many windows fit into a plane of ``size``, padded already."""
    rows, columns = (
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)
    )
    return rows, columns


def shifted(
    x: np.ndarray, row: int, column: int, *, counts: Pair, strides: Pair, dilations: Pair
) -> np.ndarray:
    """What element (row, column) of each window covers: a view of x (N, C, H, W)."""
    top, left = row * dilations[0], column * dilations[1]
    return x[
        :,
        :,
        top : top + (counts[0] - 1) * strides[0] + 1 : strides[0],
        left : left + (counts[1] - 1) * strides[1] + 1 : strides[1],
    ]


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (O, C / groups, R, S) to (N, O, P, Q)."""
    padded = pad_spatial(x, paddings)
    if weight.shape[:2] == (groups, 1) and groups > 1:
        y = _depthwise(padded, weight, strides=strides, dilations=dilations)
    elif weight.shape[2:] == (1, 1):
        y = _pointwise(padded[:, :, :: strides[0], :: strides[1]], weight, groups=groups)
    else:
        y = _general(padded, weight, strides=strides, dilations=dilations, groups=groups)
    if bias is not None:
        y += bias.reshape(-1, 1, 1)
    return y


def _pointwise(x: np.ndarray, weight: np.ndarray, *, groups: int) -> np.ndarray:
    """x (N, C, H, W) by weight (O, C / groups, 1, 1): one product for each image and group."""
    batch, channels, *size = x.shape
    columns = x.reshape(batch, groups, channels // groups, -1)
    matrix = weight.reshape(groups, weight.shape[0] // groups, -1)
    return np.matmul(matrix, columns).reshape(batch, -1, *size)


def _depthwise(x: np.ndarray, weight: np.ndarray, *, strides: Pair, dilations: Pair) -> np.ndarray:
    """x (N, C, H, W), padded already, by weight (C, 1, R, S): shifted multiply-adds."""
    kernel = (weight.shape[2], weight.shape[3])
    counts = window_counts(x.shape[2:], kernel=kernel, strides=strides, dilations=dilations)
    y = np.zeros((*x.shape[:2], *counts), np.result_type(x, weight))
    term = np.empty_like(y)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            view = shifted(x, row, column, counts=counts, strides=strides, dilations=dilations)
            np.multiply(view, weight[:, :, row, column, np.newaxis], out=term)
            y += term
    return y


def _general(
    x: np.ndarray, weight: np.ndarray, *, strides: Pair, dilations: Pair, groups: int
) -> np.ndarray:
    """x (N, C, H, W), padded already, by weight (O, C / groups, R, S), image by image."""
    batch, channels = x.shape[:2]
    kernel = (weight.shape[2], weight.shape[3])
    counts = window_counts(x.shape[2:], kernel=kernel, strides=strides, dilations=dilations)
    matrix = weight.reshape(groups, weight.shape[0] // groups, -1)
    y = np.empty((batch, *matrix.shape[:2], counts[0] * counts[1]), np.result_type(x, weight))
    columns = np.empty((channels, *kernel, *counts), x.dtype)
    for image in range(batch):
        for row in range(kernel[0]):
            for column in range(kernel[1]):
                columns[:, row, column] = shifted(
                    x[image : image + 1],
                    row,
                    column,
                    counts=counts,
                    strides=strides,
                    dilations=dilations,
                )[0]
        np.matmul(matrix, columns.reshape(groups, matrix.shape[2], -1), out=y[image])
    return y.reshape(batch, -1, *counts)


def conv2d_transpose(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    groups: int = 1,
    output_padding: Pair = (0, 0),
) -> np.ndarray:
    """The transposed convolution of x (N, C, H, W) by weight (C, O / groups, R, S).

    Every input element spreads its filter over the output, from which the paddings are
    then cut off; ``output_padding`` adds rows and columns at the end before that.
    """
    batch, channels, height, width = x.shape
    kernel = (weight.shape[2], weight.shape[3])
    matrix = weight.reshape(groups, channels // groups, -1).transpose(0, 2, 1)
    spread = np.matmul(matrix, x.reshape(batch, groups, channels // groups, -1))
    spread = spread.reshape(batch, -1, *kernel, height, width)
    size = (
        (n - 1) * s + d * (k - 1) + 1 + extra
        for n, s, d, k, extra in zip(
            x.shape[2:], strides, dilations, kernel, output_padding, strict=True
        )
    )
    y = np.zeros((batch, spread.shape[1], *size), spread.dtype)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            target = shifted(
                y, row, column, counts=(height, width), strides=strides, dilations=dilations
            )
            target += spread[:, :, row, column]
    top, bottom, left, right = paddings
    y = pad_spatial(y, (-top, -bottom, -left, -right))
    return y if bias is None else y + bias.reshape(-1, 1, 1)
