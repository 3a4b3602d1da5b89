"""Makes a random model, one operator after the other, as long as its numbers are of use."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from random_models.drawing import Draw, Row, Tensor
from random_models.model import Arrays, RandomModel
from random_models.source import Source

STEPS = 7
"""How many operators are tried to be added at most."""

TRIES = 3
"""How often another operator is drawn where one does not fit."""

ROUNDING = 4e-6
"""So much of its numbers inputs are moved by to see whether a model multiplies rounding errors."""

DTYPES = frozenset({"float32", "int32", "int64", "bool"})
MOST_ELEMENTS = 100_000
MOST_AXES = 5
LARGEST = 1e4


class Random:
    """What a model is drawn with: the same numbers for the same seed and number."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = random.Random(f"{seed} {number}")
        self.numbers = np.random.default_rng([seed, number])

    def draw(self, model: RandomModel, values: list[Tensor]) -> Draw:
        return Draw(self.rng, self.numbers, model, values)


def random_model(
    source: Source, seed: int, number: int, folder: Path, *, open_sizes: bool = False
) -> RandomModel | None:
    """The model of a number; None where nothing of use grew."""
    chance = Random(seed, number)
    start = chance.draw(RandomModel(), [])
    source.begin(start)
    model = start.model
    values = [Tensor(name, array) for name, array in model.inputs.items()]
    for _ in range(chance.rng.randint(1, STEPS)):
        found = next(_longer(source, chance, model, values, folder), None)
        if found is None:
            break
        model, value = found
        values = [other for other in values if other.name != value.name] + [value]
    if not model.operators:
        return None
    model = replace(model, outputs=_outputs(chance.rng, model, values)).used()
    return with_open_sizes(source, chance, model, folder) if open_sizes else model


def _longer(
    source: Source, chance: Random, model: RandomModel, values: list[Tensor], folder: Path
) -> Iterator[tuple[RandomModel, Tensor]]:
    """The model with one operator more, and its result, where a try leads to one."""
    for _ in range(TRIES):
        x = values[-1] if chance.rng.random() < 0.8 else chance.rng.choice(values)
        draw = chance.draw(model, values)
        row = _row(source, chance.rng, x)
        name = row.rule(draw, x)
        if name is None or not draw.model.operators:
            continue
        array = source.try_out(replace(draw.model, outputs=(name,)).used(), folder)
        if array is not None and _is_of_use(array):
            yield draw.model, Tensor(name, array)


def _row(source: Source, rng: random.Random, x: Tensor) -> Row:
    rows = [row for row in source.menu if x.array.dtype.kind in row.kinds]
    return rng.choices(rows, [row.weight for row in rows])[0]


def _is_of_use(array: np.ndarray) -> bool:
    return (
        array.dtype.name in DTYPES
        and 0 < array.size <= MOST_ELEMENTS
        and array.ndim <= MOST_AXES
        and bool(np.isfinite(array).all())
        and float(np.abs(array).max()) <= LARGEST
    )


def _outputs(rng: random.Random, model: RandomModel, values: list[Tensor]) -> tuple[str, ...]:
    """The last result, and now and then another one."""
    made = [value.name for value in values if value.name not in model.inputs]
    others = [name for name in made[:-1] if rng.random() < 0.15]
    return (*others[:1], made[-1]) if rng.random() < 0.5 else (made[-1], *others[:1])


def with_open_sizes(
    source: Source, chance: Random, model: RandomModel, folder: Path
) -> RandomModel | None:
    """The model with some sizes of inputs open, and fed in others where it can be."""
    is_open = {
        name: frozenset(axis for axis in range(array.ndim) if chance.rng.random() < 0.4)
        for name, array in model.inputs.items()
    }
    new_sizes = {size: size + chance.rng.choice((-1, 1, 2, 5)) for size in range(2, 20)}
    others = {
        name: _in_sizes(chance, array, is_open[name], new_sizes)
        for name, array in model.inputs.items()
    }
    model = replace(model, open=is_open)
    both = replace(model, others=(others, model.inputs))
    (results,) = source.expected([both], folder)
    if results is None or not all(_is_of_use(array) for array in results[1]):
        return model if any(is_open.values()) else None
    return both


def _in_sizes(
    chance: Random, array: np.ndarray, is_open: frozenset[int], new_sizes: dict[int, int]
) -> np.ndarray:
    """An array like another one; sizes that are open are others, equal ones the same."""
    shape = [
        new_sizes.get(size, size) if axis in is_open else size
        for axis, size in enumerate(array.shape)
    ]
    picked = chance.numbers.choice(array.reshape(-1), shape)
    return np.asarray(picked, array.dtype)


def perturbed(feeds: tuple[Arrays, ...], seed: int) -> tuple[Arrays, ...]:
    """The same inputs, but for some rounding of each number."""
    rng = np.random.default_rng(seed)
    return tuple(
        {
            name: array
            if array.dtype.kind != "f"
            else (array * (1 + ROUNDING * rng.standard_normal(array.shape))).astype(array.dtype)
            for name, array in feed.items()
        }
        for feed in feeds
    )
