"""Binds recurrent layers to their kernel."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import recurrence as ops
from opt_tool.kernels import recurrence as kernels
from opt_tool.runtime.binding import Arrays, computes


@computes(ops.Rnn)
def rnn(op: ops.Rnn, arrays: Arrays) -> list[np.ndarray]:
    return kernels.rnn(
        arrays.one("Input"),
        arrays["PreState"],
        arrays["WeightList"],
        mode=op.mode,
        layers=op.num_layers,
        directions=op.directions,
    )
