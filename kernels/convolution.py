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

import math

import numpy as np

from opt_tool.kernels.depthwise import depthwise_conv2d
from opt_tool.kernels.epilogue import PLAIN, Epilogue, Target
from opt_tool.kernels.memory import (
    aligned_empty,
    channels_last,
    element_type,
    hand_over,
    maybe_channels_last,
    output_for,
    overlapping,
)
from opt_tool.kernels.planes import (
    InPlace,
    Pads,
    Pair,
    cut_out,
    pad_spatial,
    reach,
    region,
    shaped,
    shifted,
    window_counts,
)
from opt_tool.kernels.pointwise import FEWEST_WINDOWS, pointwise_conv2d
from opt_tool.kernels.products import SMALL, in_pieces, multiply, piece_width

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
    by_rows = kernel != (1, 1) and goes_by_rows(x.shape[1], counts[1], dilations, groups)
    if ready is None:
        width = width_of_pieces(weight.shape, groups, counts) if small else None
        ready = filter_matrix(weight, groups=groups, by_rows=by_rows, width=width)
    if kernel == (1, 1):
        taken = pad_spatial(x, paddings)[:, :, :: strides[0], :: strides[1]]
        return pointwise_conv2d(taken, ready, finish, residual=residual, small=small, out=out)
    y = output_for(out, (len(x), len(weight), *counts), element_type(x, weight))
    added = maybe_channels_last(residual)
    corner = (-paddings[0], -paddings[2])
    for number, image in enumerate(channels_last(x)):
        target = Target(y[number], None if added is None else added[number], finish)
        if by_rows:
            _by_rows(image, corner, ready, kernel, strides, dilations[1], target, small=small)
        else:
            _by_windows(image, corner, ready, kernel, strides, dilations, target, small=small)
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


def _by_windows(
    x: np.ndarray,
    corner: Pair,
    matrix: np.ndarray,
    kernel: Pair,
    strides: Pair,
    dilations: Pair,
    target: Target,
    *,
    small: bool,
) -> None:
    """Convolve x (H, W, C) from ``corner`` on with a ``filter_matrix`` to (P, Q, O)."""
    rows, width, _ = target.out.shape
    groups, channels = len(matrix), x.shape[2]
    depth = math.prod(kernel) * channels // groups
    fitting = max(
        WINDOWS_BYTES // (groups * depth * width * x.itemsize), -(-FEWEST_WINDOWS // width)
    )
    step = -(-rows // -(-rows // fitting))
    across = reach(width, kernel[1], strides[1], dilations[1])
    depth_of_rows = reach(step, kernel[0], strides[0], dilations[0])
    space = aligned_empty((depth_of_rows * across * channels,), x.dtype)
    laid_out = aligned_empty((step * width * groups * depth,), x.dtype)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        size = (reach(count, kernel[0], strides[0], dilations[0]), across)
        part = region(x, (corner[0] + first * strides[0], corner[1]), size, space)
        row, column, element = part.strides
        shape = (count, width, groups, *kernel, channels // groups)
        steps = (
            strides[0] * row,
            strides[1] * column,
            channels // groups * element,
            dilations[0] * row,
            dilations[1] * column,
            element,
        )
        windows = shaped(laid_out, *shape)
        windows[...] = overlapping(part, shape, steps)
        places = windows.reshape(count * width, groups, depth)
        made = target.begin(slice(first, first + count))
        multiply(places, matrix, made.reshape(len(places), groups, -1), small=small)
        target.end(slice(first, first + count), made)


def _by_rows(
    x: np.ndarray,
    corner: Pair,
    matrix: np.ndarray,
    kernel: Pair,
    strides: Pair,
    dilation: int,
    target: Target,
    *,
    small: bool,
) -> None:
    """Convolve x (H, W, C) from ``corner`` on with matrix (R * C * S, O) to (P, Q, O)."""
    rows, width, _ = target.out.shape
    channels = x.shape[2]
    across = reach(width, kernel[1], strides[1], dilation)
    row_bytes = strides[0] * channels * kernel[1] * width * x.itemsize
    step = -(-rows // -(-rows // max(1, ROWS_BYTES // row_bytes)))
    depth = reach(step, kernel[0], strides[0], 1)
    part = aligned_empty((depth, channels, across), x.dtype)
    row, plane, element = part.strides
    shape = (depth, channels, kernel[1], width)
    view = overlapping(part, shape, (row, plane, dilation * element, strides[1] * element))
    laid_out = aligned_empty(shape, x.dtype)
    row, _, column, element = laid_out.strides
    pieces = equal_pieces(width, matrix.size) if small else 1
    for first in range(0, rows, step):
        count = min(step, rows - first)
        cut_out(x, (corner[0] + first * strides[0], corner[1]), part.swapaxes(1, 2))
        laid_out[...] = view
        strips = overlapping(
            laid_out,
            (count, pieces, width // pieces, len(matrix)),
            (strides[0] * row, width // pieces * element, element, column),
        )
        made = target.begin(slice(first, first + count))
        np.matmul(strips, matrix, out=made.reshape(count, pieces, width // pieces, -1))
        target.end(slice(first, first + count), made)


def equal_pieces(width: int, elements: int) -> int:
    """Into how many pieces a row is cut to multiply a matrix by small products."""
    fewest = -(-width * elements // SMALL)
    fitting = (pieces for pieces in range(fewest, width + 1) if width % pieces == 0)
    return next((pieces for pieces in fitting if pieces < 2 * fewest), 1)
