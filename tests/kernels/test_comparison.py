from __future__ import annotations

import numpy as np

from opt_tool.kernels import comparison


def test_equal_takes_close_numbers_for_equal_and_infinities_never() -> None:
    x = np.array([1e-9, 1, np.inf, np.nan, -1e-8], np.float32)
    y = np.array([2e-9, 1, np.inf, np.nan, 1e-8], np.float32)
    np.testing.assert_array_equal(comparison.equal(x, y), [True, True, False, False, False])
    np.testing.assert_array_equal(comparison.not_equal(x, y), [False, False, True, True, True])


def test_whole_numbers_are_compared_exactly() -> None:
    x, y = np.array([2**40, 5], np.int64), np.array([2**40 + 1, 5], np.int64)
    np.testing.assert_array_equal(comparison.equal(x, y), [False, True])
