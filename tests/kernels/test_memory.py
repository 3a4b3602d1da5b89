from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import memory
from opt_tool.kernels.memory import ALIGNMENT, channels_first, channels_last

SHAPE = (2, 3, 4, 5)
LAST = np.arange(120, dtype=np.float32).reshape(2, 4, 5, 3)


def test_an_output_is_made_where_it_belongs_if_its_channels_lie_in_a_row() -> None:
    out = channels_first(np.zeros((2, 4, 5, 3), np.float32))
    y = memory.output_for(out, SHAPE, np.dtype(np.float32))
    assert np.shares_memory(y, out)
    y[...] = LAST
    assert memory.hand_over(y, out) is out
    np.testing.assert_array_equal(channels_last(out), LAST)


@pytest.mark.parametrize(
    "out",
    [np.zeros(SHAPE, np.float32), channels_first(np.zeros((2, 4, 5, 3)))],
    ids=["planes", "another type"],
)
def test_an_output_of_another_form_is_copied_in_the_end(out: np.ndarray) -> None:
    y = memory.output_for(out, SHAPE, np.dtype(np.float32))
    assert y.dtype == np.float32
    assert y.flags.c_contiguous
    assert not np.shares_memory(y, out)
    y[...] = LAST
    assert memory.hand_over(y, out) is out
    np.testing.assert_array_equal(channels_last(out), LAST)


def test_elements_in_a_row_are_those_in_memory() -> None:
    planes = channels_first(LAST)
    row = memory.in_a_row(planes)
    assert row is not None
    assert np.shares_memory(row, planes)
    np.testing.assert_array_equal(row, np.arange(120))
    assert memory.in_a_row(LAST) is not None
    assert memory.in_a_row(LAST[:, ::2]) is None
    assert memory.in_a_row(planes[:, :2]) is None


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 7)], ids=str)
def test_memory_begins_where_a_cache_line_does(shape: tuple[int, ...]) -> None:
    for _ in range(9):
        y = memory.aligned_empty(shape, np.dtype(np.float32))
        assert (y.shape, y.ctypes.data % ALIGNMENT) == (shape, 0)


@pytest.mark.parametrize("start", [0, 8])
def test_views_may_overlap(start: int) -> None:
    x = np.arange(10, dtype=np.float32)
    y = memory.overlapping(x, (3, 4), (8, 4), start=start)
    np.testing.assert_array_equal(y, [[start // 4 + 2 * i + j for j in range(4)] for i in range(3)])
    with_gaps = memory.overlapping(x[::2], (3, 2), (8, 8))
    np.testing.assert_array_equal(with_gaps, [[0, 2], [2, 4], [4, 6]])


def test_views_stay_inside() -> None:
    with pytest.raises(ValueError, match="incompatible"):
        memory.overlapping(np.zeros(10), (3, 5), (24, 8))
