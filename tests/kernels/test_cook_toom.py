from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from opt_tool.kernels.cook_toom import Surd, Transform, rational, times_sqrt2


def filtered(inputs: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """The definition: each output is a sum over the taps."""
    return np.correlate(inputs, taps, mode="valid")


@pytest.mark.parametrize("m", range(1, 7))
@pytest.mark.parametrize("r", range(2, 6))
def test_filters_as_the_definition_does(m: int, r: int) -> None:
    points = rational(0, 1, -1, 2, -2, 0.5, -0.5, 3, -3)[: m + r - 2]
    transform = Transform(m, r, points)
    rng = np.random.default_rng(m * 10 + r)
    inputs, taps = rng.standard_normal(m + r - 1), rng.standard_normal(r)
    y = transform.a_t @ ((transform.g @ taps) * (transform.b_t @ inputs))
    np.testing.assert_allclose(y, filtered(inputs, taps), rtol=0, atol=1e-10)


def test_makes_the_matrices_that_lavin_and_gray_print() -> None:
    transform = Transform(4, 3, rational(0, 1, -1, 2, -2))
    assert transform.b_t.astype(int).tolist() == [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    assert transform.a_t.astype(int).tolist() == [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
    assert (transform.g * 24).round(12).tolist() == [
        [6, 0, 0],
        [-4, -4, -4],
        [-4, 4, -4],
        [1, 2, 4],
        [1, -2, 4],
        [0, 0, 24],
    ]


def test_takes_points_with_the_root_of_2() -> None:
    transform = Transform(4, 3, (*rational(0), *times_sqrt2(1, -1, 0.5, -0.5)))
    inputs, taps = np.arange(6.0) ** 2, np.array([3.0, -1.0, 2.0])
    y = transform.a_t @ ((transform.g @ taps) * (transform.b_t @ inputs))
    np.testing.assert_allclose(y, filtered(inputs, taps), rtol=1e-13)


def test_divides_surds_exactly() -> None:
    quotient = Surd(Fraction(1), Fraction(1)) / Surd(Fraction(3), Fraction(-1))
    assert quotient == Surd(Fraction(5, 7), Fraction(4, 7))


def test_a_surd_becomes_the_nearest_float() -> None:
    assert float(Surd(Fraction(1, 2), Fraction(-3))) == pytest.approx(0.5 - 3 * 2**0.5, rel=1e-15)


@pytest.mark.parametrize("points", [rational(0, 1), rational(0, 1, 1), rational(0, 1, -1, 2)])
def test_refuses_points_that_do_not_suffice(points: tuple[Surd, ...]) -> None:
    with pytest.raises(ValueError, match="needs 3 different points"):
        Transform(2, 3, points)
