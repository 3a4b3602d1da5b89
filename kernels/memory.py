"""How NumPy reaches memory: where arrays begin, in what order elements lie, what is copied first.

Planes are (N, C, H, W) everywhere, which says how they are indexed. What convolutions make
lies in memory as (N, H, W, C), channels last: all channels of a place are read and written
in a row, so that windows and tiles are cut out without moving elements one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.lib.stride_tricks import as_strided

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vector register."""


LONG_ROW = 128
"""From this many elements on, a row is worth a loop of its own."""

SMALLEST_BUFFER = 16


@contextmanager
def rows_where_they_lie(length: int) -> Iterator[None]:
    """Let operations on arrays with gaps or broadcasts run over rows of ``length`` in place.

    NumPy 2.3 and later copies rows together that are shorter than its buffer, which costs
    two to three times the operation where they are long, and pays where they are short.
    """
    if length < LONG_ROW:
        yield
        return
    before = np.setbufsize(SMALLEST_BUFFER)
    try:
        yield
    finally:
        np.setbufsize(before)


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT, where the next stretch may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> np.ndarray:
    """An array whose first element begins a cache line; NumPy's own promise 16 bytes.

    Vector stores that cross cache lines take twice as long.
    """
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(x: np.ndarray) -> np.ndarray:
    """x without gaps, and so that it begins a cache line."""
    copy = aligned_empty(x.shape, x.dtype)
    copy[...] = x
    return copy


def overlapping(
    x: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], *, start: int = 0
) -> np.ndarray:
    """The elements of x at multiples of ``strides`` bytes from ``start`` on, to be read only.

    Only arrays without gaps can be read from elsewhere than their first element.
    """
    if x.flags.c_contiguous:  # ten times as fast as as_strided, and checks that all lie in x
        return np.ndarray(shape, x.dtype, x, start, strides)
    assert start == 0
    return as_strided(x, shape, strides, writeable=False)


def channels_last(x: np.ndarray) -> np.ndarray:
    """x (N, C, H, W) as (N, H, W, C), a view."""
    return x.transpose(0, 2, 3, 1)


def lies_channels_last(x: np.ndarray) -> bool:
    """Whether x (N, C, H, W) lies in memory as (N, H, W, C) without gaps."""
    return channels_last(x).flags.c_contiguous


def maybe_channels_last(x: np.ndarray | None) -> np.ndarray | None:
    """The same where there is an array."""
    return None if x is None else channels_last(x)


def channels_first(x: np.ndarray) -> np.ndarray:
    """x (N, H, W, C) as (N, C, H, W), a view."""
    return x.transpose(0, 3, 1, 2)


def element_type(x: np.ndarray, y: np.ndarray) -> np.dtype[np.generic]:
    """What products of both are; NumPy's own rule takes its time where they are alike."""
    return x.dtype if x.dtype == y.dtype else np.result_type(x, y)


def output_for(
    out: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> np.ndarray:
    """Memory for planes of a shape (N, C, H, W) as (N, H, W, C) without gaps: out's if it is so."""
    if out is not None and lies_channels_last(out) and out.dtype == dtype:
        return channels_last(out)
    return aligned_empty((shape[0], *shape[2:], shape[1]), dtype)


def hand_over(y: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """What is in the memory of ``output_for``, in ``out`` where there is one."""
    planes = channels_first(y)
    if out is None:
        return planes
    if not np.may_share_memory(planes, out):
        out[...] = planes
    return out


def in_a_row(x: np.ndarray) -> np.ndarray | None:
    """The elements in the order that they have in memory, a view; None if there are gaps."""
    if x.flags.c_contiguous:
        return x if x.ndim == 1 else x.reshape(-1)
    if x.ndim == 4 and channels_last(x).flags.c_contiguous:
        return channels_last(x).reshape(-1)
    return None


def lie_alike(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether the elements of two arrays of one shape and size of elements lie in one order.

    An axis with one element has any stride, which says nothing.
    """
    steps = zip(x.shape, x.strides, y.strides, strict=True)
    return x.strides == y.strides or all(one == other for size, one, other in steps if size > 1)
