"""What the rules draw with: choices, numbers, and the operators that they add."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from random_models.model import Operator, RandomModel

T = TypeVar("T")

AS_INPUT = 0.3
"""How often an operand that could be a constant is an input."""


class Tensor(NamedTuple):
    """A value of the model so far, with what the reference makes of it."""

    name: str
    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def rank(self) -> int:
        return self.array.ndim


class Draw:
    """One try to make a model longer; ``model`` is what it is then.

    Args:
        rng: Draws everything but arrays.
        numbers: Draws arrays.
        model: The model so far.
        values: What it computes so far.
    """

    def __init__(
        self,
        rng: random.Random,
        numbers: np.random.Generator,
        model: RandomModel,
        values: Sequence[Tensor] = (),
    ) -> None:
        self.rng = rng
        self.numbers = numbers
        self.model = model
        self.values = values
        made = sum(len(operator.outputs) for operator in model.operators)
        self._count = made + len(model.inputs) + len(model.constants)

    @property
    def opset(self) -> int:
        return self.model.opset

    # ---- choices

    def chance(self, share: float = 0.5) -> bool:
        return self.rng.random() < share

    def pick(self, options: Sequence[T]) -> T:
        return self.rng.choice(options)

    def between(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def axis(self, rank: int) -> int:
        """An axis, sometimes counted from the end."""
        return self.between(0, rank - 1) - (rank if self.chance(0.25) else 0)

    def axes(self, rank: int) -> list[int]:
        """Some axes, in any order, sometimes all counted from the end."""
        shift = rank if self.chance(0.25) else 0
        return [axis - shift for axis in self.rng.sample(range(rank), self.between(1, rank))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return self.rng.sample(items, len(items))

    def factors(self, number: int, most: int = 4) -> list[int]:
        """Numbers whose product is this one."""
        found: list[int] = []
        for _ in range(self.between(0, most - 1)):
            found.append(self.pick([d for d in range(1, number + 1) if number % d == 0][:12]))
            number //= found[-1]
        return self.shuffled([*found, number])

    def divisor(self, number: int) -> int:
        return self.pick([part for part in range(1, number + 1) if number % part == 0])

    def per_axis(self, options: Sequence[int], rank: int, equal: float = 0.6) -> list[int]:
        """A number for each axis, often the same one."""
        first = self.pick(options)
        return [first] * rank if self.chance(equal) else [self.pick(options) for _ in range(rank)]

    def partner_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts to another."""
        kind = self.pick(("same", "one", "some", "some", "rows", "ones in front"))
        if kind == "one":
            return self.pick(((), (1,), (1,) * len(shape)))
        if kind == "some":
            return tuple(dim if self.chance() else 1 for dim in shape)
        if kind == "rows":
            return tuple(shape[self.between(0, len(shape)) :])
        return (1, *shape) if kind == "ones in front" and len(shape) < 5 else tuple(shape)

    # ---- arrays

    def uniform(self, shape: Sequence[int], low: float, high: float) -> np.ndarray:
        return self.numbers.uniform(low, high, tuple(shape)).astype(np.float32)

    def normal(self, shape: Sequence[int], scale: float = 1.0) -> np.ndarray:
        return self.numbers.normal(0, scale, tuple(shape)).astype(np.float32)

    def filters(self, *shape: int) -> np.ndarray:
        """Weights (O, ...) whose products with normal numbers stay of their size."""
        return self.normal(shape, 1 / math.sqrt(max(1, math.prod(shape[1:]))))

    def like(self, x: Tensor, shape: Sequence[int]) -> np.ndarray:
        """An array of the type of another one; numbers are positive."""
        if x.array.dtype.kind == "f":
            return self.uniform(shape, 0.5, 2)
        high = 2 if x.array.dtype.kind == "b" else 6
        low = 0 if x.array.dtype.kind == "b" else 1
        return self.numbers.integers(low, high, tuple(shape)).astype(x.array.dtype)

    # ---- the model

    def name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def input(self, array: np.ndarray) -> str:
        name = self.name("x")
        self.model = replace(self.model, inputs={**self.model.inputs, name: array})
        return name

    def constant(self, array: np.ndarray | np.generic | float | Sequence[Any]) -> str:
        name = self.name("c")
        known = {**self.model.constants, name: np.asarray(array)}
        self.model = replace(self.model, constants=known)
        return name

    def operand(self, array: np.ndarray) -> str:
        """A constant, or an input."""
        fed = array.ndim > 0 and self.chance(AS_INPUT)
        return self.input(array) if fed else self.constant(array)

    def ints(self, values: Any) -> str:  # a number, or a sequence of them
        return self.constant(np.array(values, np.int64))

    def partner(self, x: Tensor, shape: Sequence[int]) -> str:
        """An operand for arithmetic with x: a constant, an input, or a value there is."""
        fit = [
            value.name
            for value in self.values
            if value.shape == tuple(shape) and value.array.dtype == x.array.dtype
        ]
        if fit and self.chance():
            return self.pick(fit)
        return self.operand(self.like(x, shape))

    def add(self, type: str, *inputs: str, **attributes: Any) -> str:
        """An operator with one result; attributes that are None are left out."""
        return self.results(1, type, *inputs, **attributes)[0]

    def results(self, count: int, type: str, *inputs: str, **attributes: Any) -> list[str]:
        """An operator with several results."""
        names = tuple(self.name("t") for _ in range(count))
        given = {name: value for name, value in attributes.items() if value is not None}
        self.append(Operator(type, inputs, names, given))
        return list(names)

    def append(self, operator: Operator) -> None:
        self.model = replace(self.model, operators=(*self.model.operators, operator))


Rule: TypeAlias = "Callable[[Draw, Tensor], str | None]"
"""Adds an operator that reads a tensor; None where there is none for it."""


class Row(NamedTuple):
    """A rule, how often it is taken, and the kinds of numbers that it takes, as NumPy has them."""

    weight: int
    rule: Rule
    kinds: str = "f"


Menu: TypeAlias = Sequence[Row]
