"""Reading and writing at indices, which count from 0."""

from __future__ import annotations

import numpy as np


def _require_inside(index: np.ndarray, size: int) -> None:
    """Refuse what the runtimes read beside the array: they take no negative indices."""
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(f"indices from {index.min()} to {index.max()} do not fit {size} elements")


def gather(x: np.ndarray, index: np.ndarray, *, axis: int) -> np.ndarray:
    """The slices of x at ``index``, taken as a vector, along an axis."""
    _require_inside(index, x.shape[axis])
    return np.take(x, index.reshape(-1), axis)


def gather_nd(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The slices of x at index (..., K): (..., rest of x)."""
    return np.asarray(x[coordinates(x, index)])


def scatter_nd_add(x: np.ndarray, index: np.ndarray, updates: np.ndarray) -> np.ndarray:
    """A copy of x with updates (..., rest of x) added at index (..., K)."""
    result = x.copy()
    np.add.at(result, coordinates(x, index), updates)
    return result


def coordinates(x: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, ...]:
    """Index (..., K) as one array for each of the K axes."""
    axes = tuple(np.moveaxis(index, -1, 0))
    for size, positions in zip(x.shape, axes, strict=False):
        _require_inside(positions, size)
    return axes


def scatter(x: np.ndarray, ids: np.ndarray, updates: np.ndarray, *, overwrite: bool) -> np.ndarray:
    """A copy of x with updates (N, ...) at ids (N,) of axis 0; added up from 0 otherwise."""
    _require_inside(ids, x.shape[0])
    result = x.copy()
    if overwrite:
        result[ids] = updates
    else:
        result[ids] = 0
        np.add.at(result, ids, updates)
    return result


def where_index(condition: np.ndarray) -> np.ndarray:
    """The indices of what is not zero, int64 (count, rank)."""
    return np.argwhere(condition).astype(np.int64)


def lookup(table: np.ndarray, ids: np.ndarray, *, padding_idx: int) -> np.ndarray:
    """The rows of table (rows, width) at ids (...): (..., width); zeros at the padding."""
    _require_inside(ids, table.shape[0])
    rows = table[ids]
    if padding_idx != -1:
        rows[ids == padding_idx] = 0
    return rows
