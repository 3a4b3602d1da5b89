"""Binds padding."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations.padding import Pad2D
from opt_tool.kernels import padding as kernels
from opt_tool.runtime.binding import Arrays, computes


@computes(Pad2D)
def pad2d(op: Pad2D, arrays: Arrays) -> np.ndarray:
    x = arrays.one("X")
    return kernels.pad2d(x, paddings=op.paddings, mode=op.mode, value=op.pad_value)
