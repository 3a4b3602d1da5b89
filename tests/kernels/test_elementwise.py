from __future__ import annotations

import math

import numpy as np
import pytest

from opt_tool.kernels import elementwise


def test_erf_is_that_of_the_standard_library() -> None:
    x = np.concatenate([np.linspace(-9, 9, 2001), [-1e-8, 1e-8, np.inf, -np.inf]])
    expected = [math.erf(number) for number in x]
    np.testing.assert_allclose(elementwise.erf(x), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [np.int32, np.int64], ids=str)
def test_whole_numbers_divide_as_in_c(dtype: type) -> None:
    x: np.ndarray = np.array([7, -7, 7, -7, 6, -6, 0, 2**31 - 1], dtype)
    y: np.ndarray = np.array([2, 2, -2, -2, -3, 3, -5, -1], dtype)
    expected = [int(a / b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_array_equal(elementwise.divide(x, y), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_shorter_shape_stands_at_an_axis(axis: int) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    y = np.arange(1.0, 1 + x.shape[axis])
    padded_x, padded_y = elementwise.fit_at_axis(x, y, axis)
    expected = np.moveaxis(np.moveaxis(x, axis, -1) + y, -1, axis)
    np.testing.assert_array_equal(padded_x + padded_y, expected)
    swapped_y, swapped_x = elementwise.fit_at_axis(y, x, axis)
    np.testing.assert_array_equal(swapped_y + swapped_x, expected)


def test_scale_of_whole_numbers_cuts_its_factors() -> None:
    x = np.array([1, 2, 3], np.int64)
    after = elementwise.scale(x, scale=2.7, bias=1.9, bias_after_scale=True)
    np.testing.assert_array_equal(after, [3, 5, 7])
    before = elementwise.scale(x, scale=2.7, bias=1.9, bias_after_scale=False)
    np.testing.assert_array_equal(before, [4, 6, 8])


def test_scale_adds_before_or_after() -> None:
    x = np.array([1, -2], np.float32)
    after = elementwise.scale(x, scale=3, bias=0.5, bias_after_scale=True)
    np.testing.assert_array_equal(after, np.array([3.5, -5.5], np.float32))
    before = elementwise.scale(x, scale=3, bias=0.5, bias_after_scale=False)
    np.testing.assert_array_equal(before, np.array([4.5, -4.5], np.float32))


def test_the_upper_bound_wins_over_the_lower() -> None:
    x = np.array([-5, 0, 5], np.float32)
    np.testing.assert_array_equal(elementwise.clip(x, lower=2, upper=-2), [-2, -2, -2])


def test_a_power_of_whole_numbers_is_cut() -> None:
    x, y = np.array([2, 3, 2], np.int32), np.array([10, 4, -1], np.int32)
    np.testing.assert_array_equal(elementwise.pow_elements(x, y), [1024, 81, 0])


def test_what_is_left_has_the_sign_of_the_divisor() -> None:
    x, y = np.array([7, -7, 7, -7, 6], np.int32), np.array([3, 3, -3, -3, 3], np.int32)
    np.testing.assert_array_equal(elementwise.modulo(x, y), [1, 2, -2, -1, 0])
