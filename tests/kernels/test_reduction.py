from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import reduction

RNG = np.random.default_rng(8)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort_keeps_the_order_of_equal_elements(axis: int, descending: bool) -> None:
    x = RNG.integers(0, 3, (4, 9)).astype(np.float32)
    values, places = reduction.sort(x, axis=axis, descending=descending)
    sign = -1 if descending else 1
    for row, sorted_row, found in zip(
        np.moveaxis(x, axis, -1),
        np.moveaxis(values, axis, -1),
        np.moveaxis(places, axis, -1),
        strict=True,
    ):
        expected = sorted(range(len(row)), key=lambda i: (sign * row[i], i))
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(sorted_row, row[expected])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_cumulative_sum_is_its_definition(exclusive: bool, reverse: bool) -> None:
    x = RNG.integers(-5, 5, (3, 6))
    y = reduction.cumulative_sum(x, axis=1, exclusive=exclusive, reverse=reverse)
    for i in range(6):
        before = range(i + exclusive, 6) if reverse else range(i + 1 - exclusive)
        np.testing.assert_array_equal(y[:, i], x[:, list(before)].sum(axis=1))


def test_sums_stay_in_their_element_type() -> None:
    x = np.full((2, 3), 2**30, np.int32)
    assert reduction.reduce_sum(x, axes=(1,), keep=False).dtype == np.int32
    assert reduction.reduce_prod(x, axes=(1,), keep=False).dtype == np.int32


def test_mean_of_many_numbers_keeps_its_precision() -> None:
    x = np.full((1, 2**22), 16777217 / 16777216, np.float32) * np.float32(0.1)
    mean = reduction.reduce_mean(x, axes=(1,), keep=False)
    np.testing.assert_allclose(mean, x[0, 0], rtol=1e-7)
