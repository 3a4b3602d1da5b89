"""Makes the matrices of Winograd's minimal filtering from the points they interpolate at.

A product of polynomials is known from its values at enough points (Toom 1963, Cook 1966);
transposed, that is a short filter (Winograd 1980). All is exact: rational numbers, or
a + b * sqrt(2) with rational a and b for the points that Lavin's choice is improved by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """F(m, r): m outputs of a filter of r taps from n = m + r - 1 products.

    y = a_t @ ((g @ w) * (b_t @ d)) for the taps w (r,) and the inputs d (n,), where a_t is
    (m, n), g is (n, r) and b_t is (n, n); float64.
    """

    m: int
    a_t: np.ndarray
    b_t: np.ndarray
    g: np.ndarray

    @property
    def n(self) -> int:
        return len(self.b_t)


def cook_toom(m: int, r: int, points: Sequence[Surd]) -> Transform:
    """F(m, r) at ``points`` and infinity.

    Raises:
        ValueError: when there are not m + r - 2 different points.
    """
    if len(set(points)) != m + r - 2 or len(points) != m + r - 2:
        raise ValueError(f"F({m}, {r}) needs {m + r - 2} different points, found {len(points)}")
    others = [[q for q in points if q != point] for point in points]
    norms = [
        _product([point + -q for q in rest]) for point, rest in zip(points, others, strict=True)
    ]
    b_t = [[*_coefficients(rest), ZERO] for rest in others]
    g = [
        [power / norm for power in _powers(point, r)]
        for point, norm in zip(points, norms, strict=True)
    ]
    a = [_powers(point, m) for point in points]
    return Transform(
        m,
        _matrix([*a, _last(m)]).T,
        _matrix([*b_t, _coefficients(points)]),
        _matrix([*g, _last(r)]),
    )


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
