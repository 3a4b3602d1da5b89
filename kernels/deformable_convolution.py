"""Convolution at taps that are moved by computed distances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from opt_tool.kernels.planes import Pair
from opt_tool.kernels.sampling import interpolated


def deformable_conv2d(
    x: np.ndarray,
    offset: np.ndarray,
    mask: np.ndarray,
    weight: np.ndarray,
    *,
    strides: Pair,
    paddings: Pair,
    dilations: Pair,
    groups: int,
    deformable_groups: int,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with weight (O, C / groups, R, S) at taps that are moved.

    Zhu et al., Deformable ConvNets v2, 2018, equation 1. With D = deformable_groups, offset is
    (N, 2 * D * R * S, P, Q), rows and columns of each tap in turn, and mask (N, D * R * S, P, Q)
    weighs what the taps read.
    """
    (images, channels), (filters, depth, *kernel) = x.shape[:2], weight.shape
    parts, taps = images * deformable_groups, math.prod(kernel)
    counts = offset.shape[2:]
    moves = offset.reshape(parts, taps, 2, *counts)
    rows, columns = (
        (moves[:, :, axis] + places.astype(offset.dtype)).reshape(parts, -1, counts[1])
        for axis, places in enumerate(_tap_places(kernel, counts, strides, paddings, dilations))
    )
    planes = x.reshape(parts, channels // deformable_groups, *x.shape[2:])
    read = interpolated(planes, rows, columns).reshape(parts, -1, taps, math.prod(counts))
    read *= mask.reshape(parts, 1, taps, -1)
    operands = read.reshape(images, groups, depth * taps, -1)
    y = np.matmul(weight.reshape(groups, filters // groups, -1), operands)
    return y.reshape(images, filters, *counts)


def _tap_places(
    kernel: Sequence[int], counts: Sequence[int], strides: Pair, paddings: Pair, dilations: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column (taps, P, Q) that each tap reads where it is not moved."""
    rows, columns = (
        np.arange(size)[:, np.newaxis] * dilation + np.arange(count) * stride - padding
        for size, count, stride, padding, dilation in zip(
            kernel, counts, strides, paddings, dilations, strict=True
        )
    )
    shape = (*kernel, *counts)
    return (
        np.broadcast_to(rows[:, np.newaxis, :, np.newaxis], shape).reshape(-1, *counts),
        np.broadcast_to(columns[:, np.newaxis], shape).reshape(-1, *counts),
    )
