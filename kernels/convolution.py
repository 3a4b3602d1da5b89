"""Convolution, NCHW, by matrix products on BLAS.

A 1x1 convolution is one product already. Others lay the windows of the input out as
columns first (Chellapilla et al., High Performance Convolutional Neural Networks for
Document Processing, 2006), some rows of windows at a time, so that columns stay in the
cache. Where each channel is filtered by itself, see ``depthwise``.

``activate`` overwrites each part of the output while that is in the cache.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from opt_tool.kernels.depthwise import depthwise_conv2d
from opt_tool.kernels.memory import aligned_empty, rows_where_they_lie
from opt_tool.kernels.planes import (
    InPlace,
    Pads,
    Pair,
    TapGroup,
    pad_spatial,
    shifted,
    split,
    split_size,
    tap_groups,
    window_counts,
    windows,
)

COLUMNS_BYTES = 1024 * 1024
"""How much of the columns is laid out at once: half of a core's own cache."""

FEWEST_COLUMNS = 256
"""Products of fewer columns than this would read the weights too often."""


def conv2d(
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
    """Convolve x (N, C, H, W) with weight (O, C / groups, R, S) to (N, O, P, Q)."""
    if weight.shape[:2] == (groups, 1) and groups > 1:
        return depthwise_conv2d(
            x,
            weight,
            bias,
            strides=strides,
            paddings=paddings,
            dilations=dilations,
            activate=activate,
            out=out,
        )
    kernel = (weight.shape[2], weight.shape[3])
    if kernel == (1, 1):
        taken = pad_spatial(x, paddings)[:, :, :: strides[0], :: strides[1]]
        return _pointwise(taken, weight, bias, groups=groups, activate=activate, out=out)
    padded = (x.shape[2] + sum(paddings[:2]), x.shape[3] + sum(paddings[2:]))
    counts = window_counts(padded, kernel=kernel, strides=strides, dilations=dilations)
    size = split_size(counts, kernel=kernel, strides=strides, dilations=dilations)
    groups_of_taps = [
        list(tap_groups(*axis)) for axis in zip(kernel, strides, dilations, strict=True)
    ]
    shape = (len(x), len(weight), *counts)
    y = np.empty(shape, np.result_type(x, weight)) if out is None else out
    for image, target in zip(x, y, strict=True):
        planes = split(image, size, strides=strides, paddings=paddings)
        _by_columns(
            planes, weight, bias, groups_of_taps, groups=groups, activate=activate, out=target
        )
    return y


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


def _pointwise(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    *,
    groups: int,
    activate: InPlace | None,
    out: np.ndarray | None,
) -> np.ndarray:
    """x (N, C, P, Q) by weight (O, C / groups, 1, 1), one product for each part of a plane."""
    batch, channels, *size = x.shape
    shape = (batch, len(weight), *size)
    y = np.empty(shape, np.result_type(x, weight)) if out is None else out
    columns = x.reshape(batch, groups, channels // groups, -1)
    filters = weight.reshape(groups, len(weight) // groups, -1)
    results = y.reshape(batch, *filters.shape[:2], -1)
    shift = None if bias is None else bias.reshape(groups, -1, 1)
    count = results.shape[3]
    step = _columns_at_once(count, channels // groups * x.itemsize)
    for start in range(0, count, step):
        part = slice(start, start + step)
        target = results[..., part]
        np.matmul(filters, columns[..., part], out=target)
        with rows_where_they_lie(target.shape[3]):
            if shift is not None:
                np.add(target, shift, out=target)
            if activate is not None:
                activate(target)
    return y


def _columns_at_once(count: int, bytes_each: int) -> int:
    """How many columns of a product fit into the cache, all parts about equally wide."""
    fitting = max(FEWEST_COLUMNS, COLUMNS_BYTES // max(bytes_each, 1))
    return -(-count // max(1, -(-count // fitting)))


def _by_columns(
    planes: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    taps: list[list[TapGroup]],
    *,
    groups: int,
    activate: InPlace | None,
    out: np.ndarray,
) -> None:
    """Convolve split planes (SH, SW, C, ...) with weight (O, C / groups, R, S) to (O, P, Q)."""
    channels = planes.shape[2]
    rows, width = out.shape[1:]
    filters = weight.reshape(groups, len(weight) // groups, -1)
    kernel = (weight.shape[2], weight.shape[3])
    column_bytes = channels * math.prod(kernel) * width * planes.itemsize
    step = min(rows, max(COLUMNS_BYTES // column_bytes, -(-FEWEST_COLUMNS // width)))
    space = aligned_empty((channels * math.prod(kernel) * step * width,), planes.dtype)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        shape = (channels, *kernel, count, width)
        columns = space[: math.prod(shape)].reshape(shape)
        for down, across in itertools.product(*taps):
            windows(planes, down, across, columns, first)
        target = out[:, first : first + count].reshape(len(out), -1)
        result = target.reshape(groups, -1, count * width)
        np.matmul(filters, columns.reshape(groups, filters.shape[2], -1), out=result)
        with rows_where_they_lie(target.shape[1]):
            if bias is not None:
                target += bias[:, np.newaxis]
            if activate is not None:
                activate(target)


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
