"""How NumPy reaches memory: where arrays begin, and whether rows are copied first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

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


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> np.ndarray:
    """An array whose first element begins a cache line; NumPy's own promise 16 bytes.

    Vector stores that cross cache lines take twice as long.
    """
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
