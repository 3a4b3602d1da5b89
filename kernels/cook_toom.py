"""Makes the matrices of Winograd's minimal filtering from the points they interpolate at.

A product of polynomials is known from its values at enough points (Toom 1963, Cook 1966);
transposed, that is a short filter (Winograd 1980). All is exact: rational numbers, or
a + b * sqrt(2) with rational a and b for the points that Lavin's choice is improved by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np


@dataclass(frozen=True, slots=True)
class Surd:
    """rational + radical * sqrt(2)"""

    rational: Fraction
    radical: Fraction = Fraction(0)

    def __add__(self, other: Surd) -> Surd:
        return Surd(self.rational + other.rational, self.radical + other.radical)

    def __neg__(self) -> Surd:
        return Surd(-self.rational, -self.radical)

    def __mul__(self, other: Surd) -> Surd:
        return Surd(
            self.rational * other.rational + 2 * self.radical * other.radical,
            self.rational * other.radical + self.radical * other.rational,
        )

    def __truediv__(self, other: Surd) -> Surd:
        norm = other.rational**2 - 2 * other.radical**2
        return self * Surd(other.rational / norm, -other.radical / norm)

    def __float__(self) -> float:
        return float(self.rational) + float(self.radical) * 2**0.5


ZERO, ONE = Surd(Fraction(0)), Surd(Fraction(1))


def rational(*points: float) -> tuple[Surd, ...]:
    """Points that are rational."""
    return tuple(Surd(Fraction(point)) for point in points)


def times_sqrt2(*points: float) -> tuple[Surd, ...]:
    """Points that are rational multiples of sqrt(2)."""
    return tuple(Surd(Fraction(0), Fraction(point)) for point in points)


@dataclass(frozen=True, eq=False)
class Transform:
    """F(m, r) at ``points`` and infinity: m outputs of r taps from n = m + r - 1 products.

    y = a_t @ ((g @ w) * (b_t @ d)) for the taps w (r,) and the inputs d (n,). The matrices
    are float64 and made when they are first asked for: most commands never convolve.

    Raises:
        ValueError: when there are not m + r - 2 different points.
    """

    m: int
    r: int
    points: tuple[Surd, ...]

    def __post_init__(self) -> None:
        needed = self.n - 1
        if len(set(self.points)) != needed or len(self.points) != needed:
            raise ValueError(
                f"F({self.m}, {self.r}) needs {needed} different points, found {len(self.points)}"
            )

    @property
    def n(self) -> int:
        return self.m + self.r - 1

    @cached_property
    def a_t(self) -> np.ndarray:
        """(m, n), the powers of each point."""
        return _matrix([*(_powers(point, self.m) for point in self.points), _last(self.m)]).T

    @cached_property
    def b_t(self) -> np.ndarray:
        """(n, n), the polynomials that are zero at all points but one, and at all points."""
        rows = [[*_coefficients(others), ZERO] for others in self._others]
        return _matrix([*rows, _coefficients(self.points)])

    @cached_property
    def g(self) -> np.ndarray:
        """(n, r), the powers of each point over its distances to the others."""
        rows = [
            [
                power / _product([point + -other for other in others])
                for power in _powers(point, self.r)
            ]
            for point, others in zip(self.points, self._others, strict=True)
        ]
        return _matrix([*rows, _last(self.r)])

    @property
    def _others(self) -> list[list[Surd]]:
        return [[other for other in self.points if other != point] for point in self.points]


def _product(factors: Sequence[Surd]) -> Surd:
    product = ONE
    for factor in factors:
        product = product * factor
    return product


def _powers(point: Surd, count: int) -> list[Surd]:
    """1, point, point squared, ..."""
    return [_product([point] * exponent) for exponent in range(count)]


def _coefficients(roots: Sequence[Surd]) -> list[Surd]:
    """The polynomial with these roots, the constant first and the highest power, 1, last."""
    polynomial = [ONE]
    for root in roots:
        times_x = [ZERO, *polynomial]
        times_root = [coefficient * -root for coefficient in polynomial] + [ZERO]
        polynomial = [x + c for x, c in zip(times_x, times_root, strict=True)]
    return polynomial


def _last(count: int) -> list[Surd]:
    """The row of the point at infinity: only the highest power counts."""
    return [ZERO] * (count - 1) + [ONE]


def _matrix(rows: Sequence[Sequence[Surd]]) -> np.ndarray:
    return np.array([[float(x) for x in row] for row in rows])
