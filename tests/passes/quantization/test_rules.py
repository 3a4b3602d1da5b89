from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opt_tool.passes.quantization.coherent_error_scale import (
    coherent_error,
    coherent_error_scale,
)
from opt_tool.passes.quantization.grid import (
    as_kernels,
    from_kernels,
    largest,
    round_to_nearest,
    stored_bits,
)
from opt_tool.passes.quantization.minimum_error_scale import minimum_error_scale, squared_error
from opt_tool.passes.quantization.per_channel_max import per_channel_max
from opt_tool.passes.quantization.squant import BLOCK, squant, turned

SHAPES = [(6, 5, 9), (3, 40, 1), (4, 1, 25)]


def kernels(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2, 5)], ids=str)
def test_layout_comes_back(shape: tuple[int, ...], axis: int) -> None:
    weight = np.arange(np.prod(shape)).reshape(shape)
    laid_out = as_kernels(weight, axis)
    assert laid_out.shape[0] == shape[axis]
    assert np.array_equal(from_kernels(laid_out, shape, axis), weight)


def test_a_column_of_a_matrix_is_a_channel() -> None:
    matrix = np.array([[1, 2, 3], [4, 5, 6]])
    assert as_kernels(matrix, 1).tolist() == [[[1], [4]], [[2], [5]], [[3], [6]]]


def test_up_to_8_bits_are_stored_in_8() -> None:
    assert [stored_bits(bits) for bits in (2, 8, 9, 16)] == [8, 8, 16, 16]
    assert [largest(bits) for bits in (4, 8, 16)] == [7, 127, 32767]


def test_halves_are_rounded_away_from_zero() -> None:
    halves = np.array([[[0.5, 1.5, 2.5, -0.5, -2.5, 0.49999997, -0.2]]], np.float32)
    rounded = round_to_nearest(halves, np.ones(1, np.float32), 127)
    assert rounded.reshape(-1).tolist() == [1, 2, 3, -1, -3, 0, 0]


def test_nothing_is_rounded_beyond_the_limit() -> None:
    rounded = round_to_nearest(np.array([[[9.0, -9.0]]], np.float32), np.ones(1, np.float32), 7)
    assert rounded.reshape(-1).tolist() == [7, -7]


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_the_largest_weight_of_each_channel_is_the_largest_integer(bits: int) -> None:
    weight = kernels((6, 5, 9))
    scales = per_channel_max(weight, largest(bits))
    rounded = round_to_nearest(weight, scales, largest(bits))
    assert np.abs(rounded).max(axis=(1, 2)).tolist() == [largest(bits)] * 6
    assert np.abs(rounded * scales[:, None, None] - weight).max() <= 0.5001 * scales.max()


@pytest.mark.parametrize("size", [0, 1e-44], ids=["zeros", "below all normal numbers"])
def test_a_channel_of_nothing_has_scale_one(size: float) -> None:
    weight = kernels((3, 2, 4))
    weight[1] = size
    scales = per_channel_max(weight, 127)
    assert scales[1] == 1
    assert not round_to_nearest(weight, scales, 127)[1].any()


def test_the_error_is_the_least_of_a_finer_search() -> None:
    weight, limit = kernels((4, 6, 9)), largest(4)
    found = squared_error(weight, minimum_error_scale(weight, limit), limit)
    plain = per_channel_max(weight, limit)
    parts = np.linspace(0.4, 1, 400, dtype=np.float32)
    finer = [squared_error(weight, plain * part, limit) for part in parts]
    assert (found <= squared_error(weight, plain, limit)).all()
    assert (found < 0.95 * squared_error(weight, plain, limit)).any()
    assert (found <= 1.1 * np.min(finer, axis=0)).all()


def test_coherent_errors_get_smaller_by_clipping_at_few_bits_only() -> None:
    weight = kernels((4, 6, 9))
    plain = per_channel_max(weight, 7)
    found = coherent_error(weight, coherent_error_scale(weight, 7), 7)
    assert (found <= coherent_error(weight, plain, 7)).all()
    assert (found < coherent_error(weight, plain, 7)).any()
    assert np.array_equal(coherent_error_scale(weight, 127), per_channel_max(weight, 127))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("limit", [7, 127])
def test_squant_keeps_the_errors_of_elements_kernels_and_channels(
    shape: tuple[int, int, int], limit: int
) -> None:
    weight = kernels(shape, seed=limit)
    scales = per_channel_max(weight, limit)
    errors = squant(weight, scales, limit) - weight / scales[:, None, None]
    assert np.abs(errors).max() < 1
    assert np.abs(errors.sum(axis=2)).max() <= 1.001
    assert np.abs(errors.sum(axis=(1, 2))).max() <= 0.501


@pytest.mark.parametrize("seed", range(5))
def test_squant_of_one_kernel_is_the_best_with_its_sum(seed: int) -> None:
    weight = kernels((1, 1, 5), seed) * 3
    ones = np.ones(1, np.float32)
    found = squant(weight, ones, 127)
    flat = weight.reshape(-1)
    candidates = itertools.product(*((np.floor(w), np.ceil(w)) for w in flat))
    balanced = [np.array(c) for c in candidates if abs(np.sum(c) - flat.sum()) <= 0.5]
    best = min(float(np.square(c - flat).sum()) for c in balanced)
    assert np.square(found.reshape(-1) - flat).sum() == pytest.approx(best, rel=1e-5)


def test_squant_turns_nothing_beyond_the_limit() -> None:
    weight = np.full((1, 1, 9), 7.4, np.float32)
    assert np.abs(squant(weight, np.ones(1, np.float32), 7)).max() == 7


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_turned_is_what_sorting_says(data: st.DataObject) -> None:
    rows, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    some_size = st.sampled_from([-0.3, 0.0, 1e-42, 0.1, 0.25, 0.5])  # few, so that many are equal
    sizes = np.array(data.draw(st.lists(some_size, min_size=rows * length, max_size=rows * length)))
    sizes = sizes.astype(np.float32).reshape(rows, length)
    counts = np.array(data.draw(st.lists(st.integers(0, 14), min_size=rows, max_size=rows)))
    found = turned(sizes, counts)
    for row, count, chosen in zip(sizes.tolist(), counts.tolist(), found.tolist(), strict=True):
        largest_first = sorted((-size, i) for i, size in enumerate(row))
        expected = {i for size, i in largest_first[:count] if size < 0}
        assert {i for i, is_chosen in enumerate(chosen) if is_chosen} == expected


@pytest.mark.parametrize("elements", [1, 9])
def test_squant_of_many_channels_is_that_of_each(elements: int) -> None:
    weight = kernels((7, BLOCK // (3 * elements), elements))
    scales = per_channel_max(weight, 127)
    each = [squant(weight[i : i + 1], scales[i : i + 1], 127) for i in range(len(weight))]
    assert np.array_equal(squant(weight, scales, 127), np.concatenate(each))
