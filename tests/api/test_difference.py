from __future__ import annotations

import math

import numpy as np
import pytest

from opt_tool.api.difference import Comparison, Difference

BOUND = 1e-4


def compare(*samples: tuple[list[float], list[float]]) -> Difference:
    comparison = Comparison("y")
    for reference, candidate in samples:
        comparison.add(np.array([reference], np.float32), np.array([candidate], np.float32))
    return comparison.result()


def test_equal_tensors_have_no_error_and_no_noise() -> None:
    result = compare(([1, -2, 3], [1, -2, 3]))
    assert (result.max_abs_error, result.max_rel_error, result.sqnr_db) == (0, 0, None)
    assert result.cosine == pytest.approx(1)
    assert result.argmax_agreement == 1
    assert result.within(0)


def test_measures_against_the_largest_magnitude_of_all_samples() -> None:
    result = compare(([1, 2], [1.5, 2]), ([0, -10], [0, -10]))
    assert result.max_abs_error == 0.5
    assert result.max_rel_error == 0.05
    assert result.sqnr_db == pytest.approx(10 * math.log10(105 / 0.25))
    assert not result.within(BOUND)


def test_argmax_agreement_is_the_share_of_rows() -> None:
    result = compare(([1, 2], [1, 2]), ([3, 1], [1, 3]), ([3, 1], [2, 1]), ([3, 1], [2, 1]))
    assert result.argmax_agreement == 0.75


def test_classes_of_images_are_on_axis_1() -> None:
    reference = np.zeros((1, 2, 1, 2), np.float32)
    reference[0, 0, 0, 0] = reference[0, 1, 0, 1] = 1
    candidate = reference.copy()
    candidate[0, :, 0, 1] = [1, 0]
    comparison = Comparison("y")
    comparison.add(reference, candidate)
    assert comparison.result().argmax_agreement == 0.5


def test_a_constant_candidate_fails_although_its_cosine_is_high() -> None:
    result = compare(([1, 1.1, 0.9], [1, 1, 1]))
    assert result.cosine is not None
    assert result.cosine > 0.99
    assert not result.within(BOUND)


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        ([1, 2], [1, math.nan]),
        ([1, math.nan], [1, 2]),
        ([1, math.inf], [1, -math.inf]),
        ([1, math.inf], [1, 2]),
        ([0, 0], [0, 1e-9]),
    ],
    ids=str,
)
def test_no_bound_excuses_numbers_where_the_other_has_none(
    reference: list[float], candidate: list[float]
) -> None:
    result = compare((reference, candidate))
    assert result.problem is not None
    assert not result.within(1e9)


def test_the_same_infinities_and_nans_are_equal() -> None:
    result = compare(([math.nan, math.inf, 1], [math.nan, math.inf, 1]))
    assert result.within(0)


def test_another_shape_is_a_problem() -> None:
    comparison = Comparison("y")
    comparison.add(np.ones((1, 2)), np.ones((2, 1)))
    assert comparison.result().problem == "shape [2, 1], expected [1, 2]"


def test_whole_numbers_are_compared_without_rounding() -> None:
    comparison = Comparison("y")
    comparison.add(np.array([[2**40, 1]]), np.array([[2**40 + 1, 1]]))
    assert comparison.result().max_abs_error == 1


def test_knows_whether_the_reference_moves() -> None:
    comparison = Comparison("y")
    for _ in range(2):
        comparison.add(np.ones((1, 2)), np.ones((1, 2)))
    assert not comparison.varies
    comparison.add(np.full((1, 2), 2.0), np.ones((1, 2)))
    assert comparison.varies


def test_an_output_between_0_and_1_can_be_measured_against_that_range() -> None:
    comparison = Comparison("y", least_scale=1)
    comparison.add(np.array([[1e-7, 2e-7]]), np.array([[2e-7, 1e-7]]))
    assert comparison.result().max_rel_error == pytest.approx(1e-7)
