"""Padding planes, and finding what windows cover of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.kernels.calls import Call, replay

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
    rows = (size[0] - dilations[0] * (kernel[0] - 1) - 1) // strides[0] + 1
    columns = (size[1] - dilations[1] * (kernel[1] - 1) - 1) // strides[1] + 1
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


def cut_out(x: np.ndarray, corner: Pair, into: np.ndarray, steps: Pair = (1, 1)) -> np.ndarray:
    """Copy x (H, W, C) from ``corner`` on into (rows, columns, C), 0 where that is outside."""
    replay(cutting_out(x, corner, into, steps))
    return into


def cutting_out(x: np.ndarray, corner: Pair, into: np.ndarray, steps: Pair) -> Iterator[Call]:
    """What ``cut_out`` does."""
    into_rows, rows = inside(corner[0], steps[0], into.shape[0], x.shape[0])
    into_columns, columns = inside(corner[1], steps[1], into.shape[1], x.shape[1])
    yield from _clearing_outside(into, into_rows)
    middle = into[into_rows]
    yield from _clearing_outside(middle.swapaxes(0, 1), into_columns)
    yield partial(np.copyto, middle[:, into_columns], x[rows, columns])


def _clearing_outside(x: np.ndarray, inner: slice) -> Iterator[Call]:
    """What writes zeros in front of a slice of the first axis, and behind it."""
    if inner.start > 0:
        yield partial(x[: inner.start].fill, 0)
    if inner.stop < len(x):
        yield partial(x[inner.stop :].fill, 0)


def region(x: np.ndarray, corner: Pair, size: Pair, space: np.ndarray) -> np.ndarray:
    """x (H, W, C) from ``corner`` on, its channels in a row: a view, or copied to ``space``."""
    part, calls = taken_region(x, corner, size, space)
    replay(calls)
    return part


def taken_region(
    x: np.ndarray, corner: Pair, size: Pair, space: np.ndarray
) -> tuple[np.ndarray, Iterable[Call]]:
    """What ``region`` returns, and the calls that copy it."""
    stop = (corner[0] + size[0], corner[1] + size[1])
    if min(corner) >= 0 and stop[0] <= x.shape[0] and stop[1] <= x.shape[1]:
        part = x[corner[0] : stop[0], corner[1] : stop[1]]
        if part.strides[2] == part.itemsize:
            return part, ()
    into = shaped(space, *size, x.shape[2])
    return into, cutting_out(x, corner, into, (1, 1))


def shaped(space: np.ndarray, *shape: int) -> np.ndarray:
    """The start of a stretch of memory as an array."""
    return space[: math.prod(shape)].reshape(shape)


def reach(count: int, extent: int, stride: int, dilation: int) -> int:
    """How many elements of an axis ``count`` windows cover."""
    return (count - 1) * stride + (extent - 1) * dilation + 1


class Geometry(NamedTuple):
    """Where windows lie: their strides, the dilations, and how far outside the first begins."""

    strides: Pair
    dilations: Pair
    corner: Pair

    @classmethod
    def of(cls, strides: Pair, dilations: Pair, paddings: Pads) -> Geometry:
        """For zeros at the top, bottom, left and right."""
        return cls(strides, dilations, (-paddings[0], -paddings[2]))


class TapGroup(NamedTuple):
    """The taps of one axis that read elements of the same remainder modulo the stride.

    Attributes:
        remainder: Which one.
        taps: Which taps.
        start: Which of those elements the first tap reads first.
        step: From there to what the next tap reads first.
    """

    remainder: int
    taps: slice
    start: int
    step: int


@lru_cache(maxsize=1024)
def tap_groups(extent: int, stride: int, dilation: int) -> tuple[TapGroup, ...]:
    """The taps of one axis, together where they read the same remainder."""
    every = stride // math.gcd(stride, dilation)
    groups = []
    for first in range(min(every, extent)):
        start, remainder = divmod(first * dilation, stride)
        taps = slice(first, extent, every)
        groups.append(TapGroup(remainder, taps, start, every * dilation // stride))
    return tuple(groups)
