"""Convolution by im2col and BLAS, NCHW.

The windows of the input are laid out as columns, so that the convolution is one matrix
product for each group (Chellapilla et al., High Performance Convolutional Neural Networks
for Document Processing, 2006).
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
    widths = ((0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)))
    return np.pad(x, widths, constant_values=value)


def windows(x: np.ndarray, *, kernel: Pair, strides: Pair, dilations: Pair) -> np.ndarray:
    """A view of x (N, C, H, W), padded already, as (N, C, P, Q, R, S)."""
    extents = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extents, axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


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
    out_channels, group_channels, *kernel = weight.shape
    view = windows(
        pad_spatial(x, paddings),
        kernel=(kernel[0], kernel[1]),
        strides=strides,
        dilations=dilations,
    )
    batch, _, out_height, out_width = view.shape[:4]
    columns = view.transpose(0, 1, 4, 5, 2, 3).reshape(
        batch, groups, group_channels * kernel[0] * kernel[1], out_height * out_width
    )
    matrix = weight.reshape(groups, out_channels // groups, -1)
    y = np.matmul(matrix, columns).reshape(batch, out_channels, out_height, out_width)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)
