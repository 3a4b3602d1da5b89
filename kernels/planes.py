"""Padding planes, and sorting them so that a filter's taps read memory in a row.

Split by row and column modulo the stride, what one tap reads under all windows is one plane
from an offset on, without gaps. At stride 1 a split is nothing but padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from opt_tool.kernels.memory import aligned_empty

Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]
"""top, bottom, left, right"""

InPlace: TypeAlias = Callable[[np.ndarray], object]
"""An activation that overwrites the array it is given."""


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


def inside(first: int, step: int, count: int, size: int) -> tuple[slice, slice]:
    """Which of ``count`` places from ``first`` on lie in 0 to ``size``, and where those are."""
    start = max(0, -(first // step))
    stop = max(start, min(count, -((first - size) // step)))
    place = first + start * step
    return slice(start, stop), slice(place, place + (stop - start) * step, step)


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


def split_size(counts: Pair, *, kernel: Pair, strides: Pair, dilations: Pair) -> Pair:
    """The rows and columns of the split planes that ``counts`` windows read."""
    rows, columns = (
        count + (extent - 1) * dilation // stride
        for count, extent, stride, dilation in zip(counts, kernel, strides, dilations, strict=True)
    )
    return rows, columns


def split(
    x: np.ndarray, size: Pair, *, strides: Pair, paddings: Pads, spare: int = 0
) -> np.ndarray:
    """Sort x (C, H, W) by row and column modulo the strides into (SH, SW, C + spare, *size).

    Element (i, j, c, p, q) is x[c, i + p * SH - top, j + q * SW - left], or 0 where that is
    outside. x itself is returned, not copied, where nothing is to be moved.
    """
    unmoved = strides == (1, 1) and paddings[0] == paddings[2] == 0 and x.shape[1:] == size
    if unmoved and not spare:
        return x[np.newaxis, np.newaxis]
    planes = aligned_empty((*strides, len(x) + spare, *size), x.dtype)
    planes[...] = 0
    for row in range(strides[0]):
        into_rows, rows = inside(row - paddings[0], strides[0], size[0], x.shape[1])
        for column in range(strides[1]):
            into, columns = inside(column - paddings[2], strides[1], size[1], x.shape[2])
            planes[row, column, : len(x), into_rows, into] = x[:, rows, columns]
    return planes


@dataclass(frozen=True, slots=True)
class TapGroup:
    """The taps of one axis that read the same split plane.

    Attributes:
        plane: Which one.
        taps: Which taps.
        start: Where in the plane the first of them begins.
        step: From where one begins to where the next one does.
    """

    plane: int
    taps: slice
    start: int
    step: int


def tap_groups(extent: int, stride: int, dilation: int) -> Iterator[TapGroup]:
    """The taps of one axis, together where they read the same plane."""
    every = stride // math.gcd(stride, dilation)
    for first in range(min(every, extent)):
        start, plane = divmod(first * dilation, stride)
        yield TapGroup(plane, slice(first, extent, every), start, every * dilation // stride)


def windows(
    planes: np.ndarray, down: TapGroup, across: TapGroup, into: np.ndarray, first: int
) -> None:
    """Copy what taps read of split planes (SH, SW, C, H, W) for rows from ``first`` on.

    ``into`` is (C, R, S, rows, columns); only the taps of both groups are written.
    """
    target = into[:, down.taps, across.taps]
    plane = planes[down.plane, across.plane, :, first + down.start :, across.start :]
    channel, row, column = plane.strides
    strides = (channel, down.step * row, across.step * column, row, column)
    target[...] = as_strided(plane, target.shape, strides, writeable=False)
