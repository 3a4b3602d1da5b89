from __future__ import annotations

import numpy as np
import pytest

from opt_tool.api.visualization.weights import BINS, WeightPicture, picture_of
from opt_tool.ir import Graph, Quantization


def picture(array: np.ndarray, sqnr_db: float | None = None) -> WeightPicture:
    return picture_of("Filter", Graph().add_constant("w", array), sqnr_db)


def test_the_histogram_counts_every_element_once() -> None:
    array = np.linspace(-1, 3, 320, dtype=np.float32).reshape(8, 40)
    shown = picture(array)
    assert shown.histogram is not None
    assert (shown.histogram.low, shown.histogram.high) == (-1, 3)
    assert shown.histogram.counts == (10,) * BINS
    assert (shown.minimum, shown.maximum) == (-1, 3)
    assert shown.mean == pytest.approx(1)
    assert shown.values == ()


def test_equal_elements_make_one_bar() -> None:
    shown = picture(np.full(100, 0.25, np.float32))
    assert shown.histogram is not None
    assert shown.histogram.counts == (100,)
    close = np.array([1.0, np.nextafter(np.float32(1), np.float32(2))] * 50, np.float64)
    assert picture(close * 1e-300).histogram is not None


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float16, np.float64])
def test_every_element_type_is_measured(dtype: type) -> None:
    shown = picture((np.arange(40) % 2).astype(dtype))
    assert (shown.minimum, shown.maximum, shown.mean) == (0, 1, 0.5)
    assert shown.histogram is not None
    assert shown.histogram.counts == (20, *[0] * (BINS - 2), 20)


def test_few_elements_are_shown_as_they_are() -> None:
    shown = picture(np.array([3, -1], np.int64))
    assert shown.values == (3, -1)
    assert shown.histogram is None


def test_what_is_not_finite_is_counted_apart() -> None:
    array = np.ones(50, np.float32)
    array[:2] = np.nan, -np.inf
    array[2] = 0
    shown = picture(array)
    assert (shown.not_finite, shown.minimum, shown.maximum) == (2, 0, 1)
    assert shown.zeros == pytest.approx(1 / 50)
    assert picture(np.full(50, np.nan, np.float32)).histogram is None


@pytest.mark.filterwarnings("error")
def test_a_constant_without_elements_is_no_fault() -> None:
    shown = picture(np.zeros((0, 3), np.float32))
    assert (shown.minimum, shown.zeros, shown.values) == (None, 0.0, ())


def test_the_expected_error_of_scales_is_what_rounding_makes() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 5000)).astype(np.float32)
    scales = (np.abs(weight).max(axis=1) / 127).astype(np.float32)
    integers = np.round(weight / scales[:, None]).astype(np.int8)
    value = Graph().add_constant("w", integers, Quantization(8, scales, 0))
    shown = picture_of("Filter", value).quantization
    assert shown is not None
    noise = np.mean((weight - integers * scales[:, None]) ** 2)
    assert shown.sqnr_db == pytest.approx(10 * np.log10(np.mean(weight**2) / noise), abs=0.3)
    assert not shown.measured
    assert (shown.bits, shown.scales, shown.axis) == (8, 4, 0)
    assert shown.smallest_scale == pytest.approx(scales.min())
    assert shown.largest_scale == pytest.approx(scales.max())


def test_a_measured_error_wins() -> None:
    value = Graph().add_constant("w", np.ones(4, np.int8), Quantization(8, np.ones(1), 0))
    shown = picture_of("W", value, 33.0).quantization
    assert shown is not None
    assert (shown.sqnr_db, shown.measured) == (33.0, True)
