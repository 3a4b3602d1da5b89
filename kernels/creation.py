"""Arrays from a shape, a range or a pattern."""

from __future__ import annotations

import numpy as np


def arange(start: np.ndarray, end: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The numbers from start to before end, by adding step again and again in float64."""
    first, last, distance = (x.reshape(-1)[0].item() for x in (start, end, step))
    count = max(0, int(np.ceil((last - first) / distance)))
    return (first + distance * np.arange(count)).astype(start.dtype)


def one_hot(
    x: np.ndarray, *, depth: int, dtype: np.dtype[np.generic], allow_out_of_range: bool
) -> np.ndarray:
    """1 where the new last axis of ``depth`` is the index in x, else 0.

    Raises:
        IndexError: for an index outside of the depth, unless that is allowed.
    """
    if not allow_out_of_range and x.size and (x.min() < 0 or x.max() >= depth):
        raise IndexError(f"indices from {x.min()} to {x.max()} do not fit depth {depth}")
    return (x[..., np.newaxis] == np.arange(depth)).astype(dtype)


def tril_triu(x: np.ndarray, *, diagonal: int, lower: bool) -> np.ndarray:
    """The lower or the upper triangle of the matrices x (..., H, W), zero elsewhere."""
    return np.tril(x, diagonal) if lower else np.triu(x, diagonal)
