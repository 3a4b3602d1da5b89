"""Comparisons as the runtime makes them."""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-8
"""Numbers in float32 that differ by less count as equal (the runtime's compare kernel)."""


def equal(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x == y; in float32 within a tolerance, and infinities are never equal."""
    if x.dtype.kind != "f":
        return x == y
    with np.errstate(invalid="ignore", over="ignore"):
        return np.abs((x - y).astype(np.float64)) < TOLERANCE


def not_equal(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The opposite of ``equal``."""
    return ~equal(x, y)
