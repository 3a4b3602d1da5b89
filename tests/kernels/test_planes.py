from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels.memory import (
    ALIGNMENT,
    aligned_empty,
    channels_first,
    channels_last,
    hand_over,
    in_a_row,
    output_for,
    rows_where_they_lie,
)
from opt_tool.kernels.planes import cut_out, reach, region, tap_groups


@pytest.mark.parametrize("corner", [(0, 0), (-2, 1), (3, -4), (-9, 0), (7, 7)], ids=str)
@pytest.mark.parametrize("steps", [(1, 1), (2, 1), (1, 3)], ids=str)
def test_what_is_cut_out_is_zero_beyond_the_plane(
    corner: tuple[int, int], steps: tuple[int, int]
) -> None:
    x = np.arange(1, 71, dtype=np.float32).reshape(5, 7, 2)
    into = cut_out(x, corner, np.full((6, 4, 2), np.nan, np.float32), steps)
    for row in range(6):
        for column in range(4):
            place = (corner[0] + row * steps[0], corner[1] + column * steps[1])
            outside = not (0 <= place[0] < 5 and 0 <= place[1] < 7)
            np.testing.assert_array_equal(into[row, column], 0 if outside else x[place])


def test_a_region_inside_of_the_plane_is_not_copied() -> None:
    x, space = np.arange(70.0).reshape(5, 7, 2), np.empty(70)
    part = region(x, (1, 2), (3, 4), space)
    assert np.shares_memory(part, x)
    np.testing.assert_array_equal(part, x[1:4, 2:6])
    turned = x.transpose(2, 0, 1).copy().transpose(1, 2, 0)
    for other, corner in ((x, (-1, 0)), (x, (3, 0)), (x, (0, 4)), (turned, (1, 2))):
        part = region(other, corner, (3, 4), space)
        assert np.shares_memory(part, space)
        np.testing.assert_array_equal(part, cut_out(other, corner, np.empty((3, 4, 2))))


@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("dilation", range(1, 7))
@pytest.mark.parametrize("extent", range(1, 6))
def test_groups_say_where_each_tap_reads(stride: int, dilation: int, extent: int) -> None:
    places = np.arange(reach(4, extent, stride, dilation))
    read = {}
    for group in tap_groups(extent, stride, dilation):
        sorted_places = places[group.remainder :: stride]
        for number, tap in enumerate(range(extent)[group.taps]):
            first = group.start + number * group.step
            read[tap] = sorted_places[first : first + 4]
    assert sorted(read) == list(range(extent))
    for tap, found in read.items():
        np.testing.assert_array_equal(found, tap * dilation + stride * np.arange(4))


def test_outputs_are_written_where_they_are_wanted_if_channels_are_in_a_row() -> None:
    float32 = np.dtype(np.float32)
    planned = channels_first(np.zeros((2, 4, 5, 3), np.float32))
    memory = output_for(planned, (2, 3, 4, 5), float32)
    assert np.shares_memory(memory, planned)
    assert hand_over(memory, planned) is planned
    for out in (np.zeros((2, 3, 4, 5), np.float32), planned.astype(np.float64), None):
        memory = output_for(out, (2, 3, 4, 5), float32)
        assert memory.shape == (2, 4, 5, 3)
        assert memory.flags.c_contiguous
        memory[...] = 7
        y = hand_over(memory, out)
        assert y.shape == (2, 3, 4, 5)
        assert (y == 7).all()
        assert out is None or y is out


def test_elements_are_in_a_row_in_either_order() -> None:
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    turned = channels_first(np.ascontiguousarray(channels_last(x)))
    assert in_a_row(x[:, :, :, ::2]) is None
    for array in (x, turned):
        row = in_a_row(array)
        assert row is not None
        assert np.shares_memory(row, array)
    np.testing.assert_array_equal(in_a_row(turned), channels_last(x).reshape(-1))


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
