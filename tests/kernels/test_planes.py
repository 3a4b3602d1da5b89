from __future__ import annotations

import itertools

import numpy as np
import pytest

from opt_tool.kernels.memory import ALIGNMENT, aligned_empty, rows_where_they_lie
from opt_tool.kernels.planes import split, split_size, tap_groups, windows


@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("dilation", range(1, 7))
@pytest.mark.parametrize("extent", range(1, 6))
def test_windows_hold_what_each_tap_reads(stride: int, dilation: int, extent: int) -> None:
    count, top = 4, 2
    x = np.arange(2 * 9 * 9, dtype=np.float32).reshape(2, 9, 9) + 1
    geometry = {"kernel": (extent, 1), "strides": (stride, 1), "dilations": (dilation, 1)}
    size = split_size((count, 9), **geometry)
    planes = split(x, size, strides=(stride, 1), paddings=(top, 0, 0, 0))
    into = np.full((2, extent, 1, count, 9), np.nan, np.float32)
    for down, across in itertools.product(
        tap_groups(extent, stride, dilation), tap_groups(1, 1, 1)
    ):
        windows(planes, down, across, into, 0)
    for tap, window in itertools.product(range(extent), range(count)):
        row = window * stride + tap * dilation - top
        expected = x[:, row] if 0 <= row < 9 else np.zeros((2, 9))
        np.testing.assert_array_equal(into[:, tap, 0, window], expected)


def test_planes_that_need_nothing_are_not_copied() -> None:
    x = np.ones((2, 5, 6), np.float32)
    assert np.shares_memory(split(x, (5, 6), strides=(1, 1), paddings=(0, 0, 0, 0)), x)


@pytest.mark.parametrize("shape", [(3,), (7, 5), (1000, 33)], ids=str)
def test_arrays_begin_cache_lines(shape: tuple[int, ...]) -> None:
    for dtype in ("float32", "float64", "uint8"):
        array = aligned_empty(shape, np.dtype(dtype))
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.ctypes.data % ALIGNMENT == 0


def test_the_buffer_is_as_before_afterwards() -> None:
    before = np.getbufsize()
    with rows_where_they_lie(1000):
        assert np.getbufsize() < before
    with rows_where_they_lie(10):
        assert np.getbufsize() == before
    assert np.getbufsize() == before
