"""Resizing of planes, with the runtime's float32 positions."""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.memory import (
    channels_last,
    hand_over,
    lies_channels_last,
    output_for,
)

Pair = tuple[int, int]

LARGEST_COUNT = 1 << 20
"""Readers make an axis of at most so many elements."""

LARGEST_MATRIX = 1 << 25
"""Readers lay out weights (count, size) of at most so many elements: 5,792 pixels to as many."""


def nearest_positions(
    size: int, count: int, *, align_corners: bool, scale: float | None = None
) -> np.ndarray:
    """Which of ``size`` elements each of ``count`` outputs takes, int64 (count,).

    A ``scale`` is what the step is computed from in place of the sizes.
    """
    step = _ratio(size, count, align_corners=align_corners)
    if scale is not None and not align_corners:
        step = np.float32(1 / np.float32(scale))
    steps = np.arange(count, dtype=np.float32) * step
    positions = steps.astype(np.float64) + 0.5 if align_corners else steps
    return np.minimum(positions.astype(np.int64), size - 1)


def linear_positions(
    size: int, count: int, *, align_corners: bool, align_mode: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The elements before and after each output's position and the share of the latter."""
    half = np.float32(0 if align_corners or align_mode else 0.5)
    ratio = _ratio(size, count, align_corners=align_corners)
    position = np.maximum((np.arange(count, dtype=np.float32) + half) * ratio - half, 0)
    before = np.minimum(position.astype(np.int64), size - 1)
    share = position - before.astype(np.float32)
    return before, np.minimum(before + 1, size - 1), share.astype(np.float32)


def linear_matrix(size: int, count: int, *, align_corners: bool, align_mode: int) -> np.ndarray:
    """``linear_positions`` as a matrix (count, size) that multiplies the elements."""
    before, after, share = linear_positions(
        size, count, align_corners=align_corners, align_mode=align_mode
    )
    matrix = np.zeros((count, size), np.float32)
    rows = np.arange(count)
    np.add.at(matrix, (rows, before), 1 - share)
    np.add.at(matrix, (rows, after), share)
    return matrix


def nearest(
    x: np.ndarray,
    *,
    out_size: Pair,
    align_corners: bool,
    scales: tuple[float | None, float | None] = (None, None),
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Resize x (N, C, H, W) to (N, C, *out_size), each output the nearest element.

    What lies channels last is written so too, place by place.
    """
    rows, columns = (
        nearest_positions(size, count, align_corners=align_corners, scale=scale)
        for size, count, scale in zip(x.shape[2:], out_size, scales, strict=True)
    )
    if lies_channels_last(x):
        y = output_for(out, (*x.shape[:2], *out_size), x.dtype)
        wide = channels_last(x).take(columns, axis=2)
        wide.take(rows, axis=1, out=y, mode="clip")  # all are inside; others would be copied twice
        return hand_over(y, out)
    return hand_over(channels_last(x.take(rows, axis=2).take(columns, axis=3)), out)


def bilinear(
    x: np.ndarray,
    *,
    out_size: Pair,
    align_corners: bool,
    align_mode: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Resize x (N, C, H, W) to (N, C, *out_size), linear on both axes, in the order of x."""
    by_places = lies_channels_last(x)
    y = channels_last(x) if by_places else x
    for axis, count in zip((1, 2) if by_places else (2, 3), out_size, strict=True):
        before, after, share = linear_positions(
            y.shape[axis], count, align_corners=align_corners, align_mode=align_mode
        )
        weight = share.reshape((-1,) + (1,) * (3 - axis)).astype(x.dtype)
        y = y.take(before, axis) * (1 - weight) + y.take(after, axis) * weight
    return hand_over(y if by_places else channels_last(y), out)


def _ratio(size: int, count: int, *, align_corners: bool) -> np.float32:
    """How far one step of the output reaches in the input."""
    if align_corners:
        return np.float32(np.float32(size - 1) / np.float32(max(count - 1, 1)))
    return np.float32(np.float32(size) / np.float32(count))
