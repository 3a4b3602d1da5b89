"""Arithmetic on elements; results in the element type of the operands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from opt_tool.kernels.epilogue import in_parts, with_constant
from opt_tool.kernels.memory import in_a_row

PART = 1 << 16
"""How many elements are added before they are read again."""

ERF_PART = 1 << 12
"""How many elements go through all of its steps before the next ones."""

ERF_NEAR = (
    (9.60497373987051638749, 90.0260197203842689217, 2232.00534594684319226,
     7003.32514112805075473, 55592.3013010394962768),
    (1.0, 33.5617141647503099647, 521.357949780152679795, 4594.32382970980127987,
     22629.0000613890934246, 49267.3942608635921086),
)  # fmt: skip
"""Numerator and denominator of erf(x) / x in x², for |x| <= 1 (Cephes, ndtr.c)."""

ERF_FAR = (
    (2.46196981473530512524e-10, 0.564189564831068821977, 7.46321056442269912687,
     48.6371970985681366614, 196.520832956077098242, 526.445194995477358631,
     934.528527171957607540, 1027.55188689515710272, 557.535335369399327526),
    (1.0, 13.2281951154744992508, 86.7072140885989742329, 354.937778887819891062,
     975.708501743205489753, 1823.90916687909736289, 2246.33760818710981792,
     1656.66309194161350182, 557.535340817727675546),
)  # fmt: skip
"""Numerator and denominator of erfc(x) * exp(x²) in x, for 1 <= x < 8 (Cephes, ndtr.c)."""


def polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    """A polynomial in x by Horner's rule; the coefficient of the highest power comes first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result *= x
        result += coefficient
    return result


def erf(x: np.ndarray) -> np.ndarray:
    """The Gauss error function, exact to float32."""
    return in_parts(_erf, x, None, length=ERF_PART)


def _erf(x: np.ndarray, y: np.ndarray) -> None:
    wide = x.astype(np.float64)
    size = np.abs(wide)
    near, far = np.minimum(size, 1.0), np.clip(size, 1.0, 7.9)
    squared = near * near
    inside = near * polynomial(ERF_NEAR[0], squared) / polynomial(ERF_NEAR[1], squared)
    rest = np.exp(-far * far) * polynomial(ERF_FAR[0], far) / polynomial(ERF_FAR[1], far)
    y[...] = np.copysign(np.where(size <= 1.0, inside, 1.0 - rest), wide)


def log(x: np.ndarray) -> np.ndarray:
    """The natural logarithm: minus infinity of 0, NaN of less."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


def sqrt(x: np.ndarray) -> np.ndarray:
    """The square root: NaN below 0."""
    with np.errstate(invalid="ignore"):
        return np.sqrt(x)


def rsqrt(x: np.ndarray) -> np.ndarray:
    """1 / sqrt(x): infinity of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / np.sqrt(x)


def reciprocal(x: np.ndarray) -> np.ndarray:
    """1 / x: infinity of 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / x


def exp(x: np.ndarray) -> np.ndarray:
    """exp(x): infinity beyond the range of the element type."""
    with np.errstate(over="ignore"):
        return np.exp(x)


def square(x: np.ndarray) -> np.ndarray:
    """x * x"""
    with np.errstate(over="ignore"):
        return x * x


def power(x: np.ndarray, *, factor: float) -> np.ndarray:
    """x ** factor for a whole tensor."""
    return pow_elements(x, np.asarray(factor, x.dtype))


def clip(
    x: np.ndarray,
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """min(max(x, lower), upper), so that an upper bound below the lower one wins."""
    number = x.dtype.type
    return np.minimum(np.maximum(x, number(lower), out=out), number(upper), out=out)


def scale(
    x: np.ndarray,
    *,
    scale: float,
    bias: float,
    bias_after_scale: bool,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """scale * x + bias, or scale * (x + bias); whole numbers cut the factors first."""
    number = x.dtype.type
    factor, offset = number(scale), number(bias)
    with np.errstate(over="ignore", invalid="ignore"):
        if not bias_after_scale:
            offset = offset * factor
        y = np.multiply(x, factor, out=out)
        return np.add(y, offset, out=out)


def cast(x: np.ndarray, *, dtype: np.dtype[np.generic]) -> np.ndarray:
    """x in another element type; numbers are cut towards 0, bool is 0 or 1."""
    with np.errstate(invalid="ignore", over="ignore"):
        return x.astype(dtype)


# ---- two operands, broadcast together


def add(x: np.ndarray, y: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x + y; ``out`` may be one of them, as in all functions that have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.add(x, y, out=out)


def add_relu(x: np.ndarray, y: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """max(x + y, 0); ``out`` may be one of them, as in all functions that have it."""
    operands = [x, y] if out is None else [x, y, out]
    rows = [in_a_row(array) for array in operands if array.strides == x.strides]
    found = [row for row in rows if row is not None and row.size == x.size]
    if len(found) < 3:
        total = np.asarray(add(x, y, out=out))
        return with_constant(np.maximum, total, 0, total)
    for start in range(0, x.size, PART):
        left, right, sums = (row[start : start + PART] for row in found)
        add(left, right, out=sums)  # the sums are in the cache when they are read again
        with_constant(np.maximum, sums, 0, sums)
    return operands[2]


def subtract(x: np.ndarray, y: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x - y; ``out`` may be one of them, as in all functions that have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.subtract(x, y, out=out)


def multiply(x: np.ndarray, y: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x * y; ``out`` may be one of them, as in all functions that have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.multiply(x, y, out=out)


def divide(x: np.ndarray, y: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x / y, cut towards 0 in whole numbers; a whole number divided by 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if x.dtype.kind == "f":
            return np.divide(x, y, out=out)
        quotient = np.floor_divide(x, y)
        cut = (quotient < 0) & (quotient * y != x)
        return np.add(quotient, cut.astype(x.dtype), out=out)


def modulo(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What x / y leaves, with the sign of y; 0 where y is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.mod(x, y)


def pow_elements(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x ** y; in whole numbers computed as float64 and cut, as the runtime does."""
    with np.errstate(all="ignore"):
        if x.dtype.kind == "f":
            return np.power(x, y)
        return np.power(x.astype(np.float64), y).astype(x.dtype)


def fit_at_axis(x: np.ndarray, y: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y with ones behind the shorter shape, so that it stands at ``axis`` of the other."""
    if axis == -1 or x.ndim == y.ndim:
        return x, y
    if x.ndim < y.ndim:
        return x.reshape(*x.shape, *(1,) * (y.ndim - x.ndim - axis)), y
    return x, y.reshape(*y.shape, *(1,) * (x.ndim - y.ndim - axis))
