"""Transposed convolution by matrix products, channels last.

Every input element spreads its filter over the output. Where filters neither overlap nor leave
gaps, those of a row of inputs are rows of outputs that lie together, which a product writes where
they belong; elsewhere they are added up tap by tap.
"""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.epilogue import PLAIN, Epilogue
from opt_tool.kernels.memory import (
    channels_first,
    channels_last,
    element_type,
    hand_over,
    output_for,
)
from opt_tool.kernels.planes import Pads, Pair, pad_spatial, shifted


def conv2d_transpose(
    x: np.ndarray,
    weight: np.ndarray,
    finish: Epilogue = PLAIN,
    *,
    strides: Pair = (1, 1),
    paddings: Pads = (0, 0, 0, 0),
    dilations: Pair = (1, 1),
    groups: int = 1,
    output_padding: Pair = (0, 0),
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The transposed convolution of x (N, C, H, W) by weight (C, O / groups, R, S).

    The paddings are cut off from what the filters were spread over; ``output_padding`` adds
    rows and columns at the end before that.
    """
    kernel = (weight.shape[2], weight.shape[3])
    height, width = (
        (n - 1) * s + d * (k - 1) + 1 + extra
        for n, s, d, k, extra in zip(
            x.shape[2:], strides, dilations, kernel, output_padding, strict=True
        )
    )
    top, bottom, left, right = paddings
    size = (height - top - bottom, width - left - right)
    y = output_for(out, (len(x), groups * weight.shape[1], *size), element_type(x, weight))
    plain = (dilations, groups) == ((1, 1), 1) and not any((*paddings, *output_padding))
    if plain and kernel == strides:
        _side_by_side(x, weight, y)
    else:
        spread = np.zeros((len(x), height, width, y.shape[3]), y.dtype)
        _add_up(x, weight, spread, strides, dilations, groups)
        cut = pad_spatial(channels_first(spread), (-top, -bottom, -left, -right))
        y[...] = channels_last(cut)
    finish(y)
    return hand_over(y, out)


def _side_by_side(x: np.ndarray, weight: np.ndarray, y: np.ndarray) -> None:
    """Write to y (N, H * R, W * S, O) what no two inputs reach."""
    batch, channels, height, width = x.shape
    rows, columns = weight.shape[2:]
    places = channels_last(x).reshape(batch * height, width, channels)
    by_row = y.reshape(batch * height, rows, width, columns * weight.shape[1])
    for row in range(rows):
        filters = weight[:, :, row].swapaxes(1, 2).reshape(channels, -1)
        np.matmul(places, filters, out=by_row[:, row])


def _add_up(
    x: np.ndarray, weight: np.ndarray, y: np.ndarray, strides: Pair, dilations: Pair, groups: int
) -> None:
    """Add to y (N, H', W', O) what each tap of the filters (C, O / groups, R, S) makes."""
    batch, channels, height, width = x.shape
    places = channels_last(x).reshape(-1, groups, channels // groups).swapaxes(0, 1)
    planes = channels_first(y)
    for row, column in np.ndindex(weight.shape[2:]):
        tap = weight[:, :, row, column].reshape(groups, channels // groups, -1)
        made = np.matmul(places, tap).swapaxes(0, 1).reshape(batch, height, width, -1)
        target = shifted(
            planes, row, column, counts=(height, width), strides=strides, dilations=dilations
        )
        target += channels_first(made)
