"""What users give for a model's inputs: numbers, or arrays in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from opt_tool.errors import UsageError
from opt_tool.ir import TensorType

T = TypeVar("T")


def by_input(types: Mapping[str, TensorType], given: Mapping[str, T]) -> dict[str, T]:
    """What is given for each input, by name; the only input may be called "".

    Raises:
        UsageError: when an input is missing.
    """
    if set(given) == {""} and len(types) == 1:
        return {next(iter(types)): given[""]}
    missing = [name for name in types if name not in given]
    if missing or "" in given:
        wanted = ", ".join(f"{name} ({type})" for name, type in types.items())
        raise UsageError(f"give an array for each input with --input NAME=file.npy: {wanted}")
    return dict(given)


def read_values(given: Mapping[str, tuple[float, ...] | Path]) -> dict[str, np.ndarray]:
    """Arrays from numbers or .npy files, by name; whole numbers become int64."""
    return {
        name: _stored(value) if isinstance(value, Path) else _vector(value)
        for name, value in given.items()
    }


def _stored(path: Path) -> np.ndarray:
    from opt_tool.api.array_files import load_array  # it loads ZIP archives, too

    return load_array(path)


def _vector(numbers: tuple[float, ...]) -> np.ndarray:
    vector = np.array(numbers, np.float64)
    whole = vector.astype(np.int64)
    return whole if np.array_equal(whole, vector) else vector
