from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import creation as kernels


@pytest.mark.parametrize("bounds", [(0, 5, 2), (5, 0, -2), (3, 3, 1), (4, 3, 1)], ids=str)
def test_arange_stops_before_the_end(bounds: tuple[int, int, int]) -> None:
    y = kernels.arange(*(np.array([number], np.int32) for number in bounds))
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, list(range(*bounds)))


def test_arange_does_not_gather_rounding() -> None:
    start, end, step = (np.array(number, np.float32) for number in (0, 1000, 0.1))
    y = kernels.arange(start, end, step)
    np.testing.assert_allclose(y[-1], np.float64(np.float32(0.1)) * (y.size - 1), rtol=1e-6)


def test_one_hot_outside_of_the_depth() -> None:
    x = np.array([-1, 0, 2])
    y = kernels.one_hot(x, depth=2, dtype=np.dtype(np.float32), allow_out_of_range=True)
    np.testing.assert_array_equal(y, [[0, 0], [1, 0], [0, 0]])
    with pytest.raises(IndexError, match="from -1 to 2 do not fit depth 2"):
        kernels.one_hot(x, depth=2, dtype=np.dtype(np.float32), allow_out_of_range=False)


@pytest.mark.parametrize("lower", [True, False])
def test_tril_triu_keeps_the_diagonal(lower: bool) -> None:
    y = kernels.tril_triu(np.ones((2, 3, 4)), diagonal=1, lower=lower)
    row, column = np.indices((3, 4))
    kept = column - row <= 1 if lower else column - row >= 1
    np.testing.assert_array_equal(y[1], kept)
