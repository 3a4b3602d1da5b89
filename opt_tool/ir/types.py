"""Element types, dimensions and tensor types.

A dimension is a number, or a text where its size is known only at run time: the
name of a symbol (``batch``) or an expression of symbols (``(height-3)//2+1``).
Equal texts are equal sizes, so two branches that compute the same size agree.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np

Dim: TypeAlias = int | str
Shape: TypeAlias = tuple[Dim, ...]


class DType(enum.Enum):
    """The element types that a Paddle Lite tensor can have; the value is NumPy's name."""

    BOOL = "bool"
    UINT8 = "uint8"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @classmethod
    def of(cls, dtype: np.dtype[np.generic]) -> DType:
        """The element type of an array; raises ValueError for one that has none."""
        return _named(dtype)

    @property
    def numpy(self) -> np.dtype[np.generic]:
        return np.dtype(self.value)

    @property
    def is_float(self) -> bool:
        return self.numpy.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.numpy.kind in "iu"


@functools.cache
def _named(dtype: np.dtype[np.generic]) -> DType:
    return DType(dtype.name)  # which NumPy puts together anew each time


@dataclass(frozen=True, slots=True)
class TensorType:
    """What is known of a tensor before it is computed."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        return str not in map(type, self.shape)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape in numbers; raises ValueError when a dimension is symbolic."""
        if self.is_static:
            return cast("tuple[int, ...]", self.shape)
        return tuple(map(static_dim, self.shape))  # which refuses the first symbol

    @property
    def size(self) -> int:
        """The number of elements; raises ValueError when a dimension is symbolic."""
        return math.prod(self.static_shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements; raises ValueError when a dimension is symbolic."""
        return self.size * self.dtype.numpy.itemsize

    def with_shape(self, shape: Iterable[Dim]) -> TensorType:
        return TensorType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.value}[{', '.join(map(str, self.shape))}]"


def static_dim(dim: Dim) -> int:
    """The dimension as a number; raises ValueError when it is symbolic."""
    if isinstance(dim, str):
        raise ValueError(f"dimension {dim!r} is known only at run time")
    return dim


def _atom(dim: Dim) -> str:
    text = str(dim)
    return text if text.isidentifier() or text.isdigit() or _is_wrapped(text) else f"({text})"


def _is_wrapped(text: str) -> bool:
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return index == len(text) - 1
    return False


def add(a: Dim, b: Dim) -> Dim:
    """The sum of two dimensions."""
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a == 0:
        return b
    if b == 0:
        return a
    if isinstance(b, int):
        base, offset = _split_offset(str(a))
        total = offset + b
        return base if total == 0 else f"{base}{total:+d}"
    if isinstance(a, int):
        return add(b, a)
    first, second = sorted((str(a), str(b)))
    return f"{_atom(first)}+{_atom(second)}"


def _split_offset(text: str) -> tuple[str, int]:
    """Take a trailing constant off a sum: ``x-3`` is ``x`` and -3."""
    for index in range(len(text) - 1, 0, -1):
        if text[index] in "+-" and text[index + 1 :].isdigit():
            return text[:index], int(text[index:])
        if not text[index].isdigit():
            break
    return text, 0


def subtract(a: Dim, b: Dim) -> Dim:
    """The difference of two dimensions."""
    if isinstance(b, int):
        return add(a, -b)
    return 0 if a == b else f"{_atom(a)}-{_atom(b)}"


def multiply(a: Dim, b: Dim) -> Dim:
    """The product of two dimensions."""
    return product((a, b))


def floor_divide(a: Dim, b: int) -> Dim:
    """The quotient of a dimension and a number, rounded down."""
    if isinstance(a, int):
        return a // b
    if b == 1:
        return a
    number, symbols = factors(a)
    if number % b == 0:
        return product((*symbols, number // b))
    return f"{_atom(a)}//{b}"


def ceil_divide(a: Dim, b: int) -> Dim:
    """The quotient of a dimension and a number, rounded up."""
    return floor_divide(add(a, b - 1), b)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of dimensions, the same text for the same factors in any order."""
    number = 1
    symbols: list[str] = []
    for dim in dims:
        factor, others = factors(dim)
        number *= factor
        symbols.extend(others)
    if number == 0 or not symbols:
        return number
    if number == 1 and len(symbols) == 1:
        return _unwrapped(symbols[0])
    return "*".join(sorted(symbols) + [str(number)] * (number != 1))


def factors(dim: Dim) -> tuple[int, tuple[str, ...]]:
    """A dimension as a number times texts: ``(a+1)*b*4`` is 4 times ``(a+1)`` and ``b``."""
    if isinstance(dim, int):
        return dim, ()
    parts = _split_product(dim)
    if len(parts) == 1:
        return 1, (_atom(dim),)
    number = 1
    symbols: list[str] = []
    for part in parts:
        factor, others = (int(part), ()) if part.isdigit() else factors(_unwrapped(part))
        number *= factor
        symbols.extend(others)
    return number, tuple(symbols)


def _split_product(text: str) -> list[str]:
    """The factors of a text that is a product and nothing else, or the text itself."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if depth == 0 and char in "+-/,":
            return [text]
        if depth == 0 and char == "*":
            parts.append("")
        else:
            parts[-1] += char
    return parts


def divide_products(numerator: Iterable[Dim], denominator: Iterable[Dim]) -> Dim:
    """The product of dimensions divided by that of others, where equal symbols cancel.

    Raises:
        ValueError: when numbers do not divide, or the divisor is 0.
    """
    above, below = factors(product(numerator)), factors(product(denominator))
    symbols, divisors = list(above[1]), list[str]()
    for symbol in below[1]:
        if symbol in symbols:
            symbols.remove(symbol)
        else:
            divisors.append(symbol)
    if below[0] == 0 or (not symbols and above[0] % below[0]):
        raise ValueError(f"{above[0]} does not divide by {below[0]}")
    quotient = floor_divide(product((*symbols, above[0])), below[0])
    if not divisors:
        return quotient
    return f"{_atom(quotient)}//{_atom(product(divisors))}"


def _unwrapped(text: str) -> str:
    return text[1:-1] if _is_wrapped(text) else text


def may_be(a: Dim, b: Dim) -> bool:
    """Whether two dimensions can be the same size."""
    return a == b or isinstance(a, str) or isinstance(b, str)


def may_be_equal(a: Shape, b: Shape) -> bool:
    """Whether two shapes are the same as far as is known."""
    return len(a) == len(b) and all(map(may_be, a, b))


def broadcast_dim(a: Dim, b: Dim) -> Dim:
    """The dimension of two that broadcast together; raises ValueError when they cannot.

    A symbol beside a number greater than one must be that number (or one).
    """
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise ValueError(f"dimensions {a} and {b} do not broadcast")
    if isinstance(a, int):
        return a
    if isinstance(b, int):
        return b
    sides = dict.fromkeys((*_compared(a), *_compared(b)))
    return f"max({','.join(sorted(sides))})"


def _compared(text: str) -> list[str]:
    """The texts that ``max(...)`` compares, or the text itself."""
    inside = text.removeprefix("max")
    if inside == text or not _is_wrapped(inside):
        return [text]
    parts, depth = [""], 0
    for char in inside[1:-1]:
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ",":
            parts.append("")
        else:
            parts[-1] += char
    return parts


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of two that broadcast together by NumPy's rule; raises ValueError."""
    rank = max(len(a), len(b))
    padded_a = (1,) * (rank - len(a)) + a
    padded_b = (1,) * (rank - len(b)) + b
    try:
        return tuple(broadcast_dim(x, y) for x, y in zip(padded_a, padded_b, strict=True))
    except ValueError:
        raise ValueError(f"shapes {list(a)} and {list(b)} do not broadcast") from None
