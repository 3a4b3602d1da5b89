"""Padding of planes."""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.planes import Pads, pad_spatial


def pad2d(x: np.ndarray, *, paddings: Pads, mode: str, value: float) -> np.ndarray:
    """Pad x (N, C, H, W) by top, bottom, left, right with a value, a reflection or the edge."""
    if mode == "constant":
        return pad_spatial(x, paddings, value)
    top, bottom, left, right = paddings
    widths = ((0, 0), (0, 0), (top, bottom), (left, right))
    return np.pad(x, widths, mode="reflect" if mode == "reflect" else "edge")
