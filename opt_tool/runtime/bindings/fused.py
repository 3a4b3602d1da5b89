"""Binds operations that only passes make."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import fused as ops
from opt_tool.kernels import elementwise
from opt_tool.runtime.binding import Arrays, Out, writes


@writes(ops.FusionElementwiseAddActivation, in_place=("X", "Y"))
def add_relu(op: ops.FusionElementwiseAddActivation, arrays: Arrays, out: Out) -> np.ndarray:
    assert op.act_type == "relu"
    x, y = elementwise.fit_at_axis(arrays.one("X"), arrays.one("Y"), op.axis)
    return elementwise.add_relu(x, y, out=out)
