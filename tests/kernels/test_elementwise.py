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


@pytest.mark.parametrize("size", [5, elementwise.PART + 3])
def test_a_sum_is_cut_off_below_zero_in_any_order_in_memory(size: int) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((1, 2, 3, size)).astype(np.float32) for _ in range(2))
    expected = np.maximum(x + y, 0)
    last = [array.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2) for array in (x, y)]
    for left, right in ((x, y), last, (x, last[1]), (x[:, :1], y), (x[..., ::2], y[..., ::2])):
        wanted = np.maximum(left + right, 0)
        np.testing.assert_array_equal(elementwise.add_relu(left, right), wanted)
        out = np.full_like(np.broadcast_to(left, wanted.shape), np.nan, subok=False)
        assert elementwise.add_relu(left, right, out=out) is out
        np.testing.assert_array_equal(out, wanted)
    for left, right in ((x, y), last):
        assert elementwise.add_relu(left, right, out=right) is right
        np.testing.assert_array_equal(right, expected)
