"""Binds normalization."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import normalization as ops
from opt_tool.kernels import normalization as kernels
from opt_tool.runtime.binding import Arrays, Out, computes, writes


@writes(ops.BatchNorm, in_place=("X",))
def batch_norm(op: ops.BatchNorm, arrays: Arrays, out: Out) -> np.ndarray:
    x, *parameters = (arrays.one(slot.name) for slot in op.inputs)
    return kernels.batch_norm(x, *parameters, epsilon=op.epsilon, out=out)


@computes(ops.InstanceNorm)
def instance_norm(op: ops.InstanceNorm, arrays: Arrays) -> np.ndarray:
    scale, bias = arrays.maybe("Scale"), arrays.maybe("Bias")
    return kernels.instance_norm(arrays.one("X"), scale, bias, epsilon=op.epsilon)


@computes(ops.GroupNorm)
def group_norm(op: ops.GroupNorm, arrays: Arrays) -> np.ndarray:
    scale, bias = arrays.maybe("Scale"), arrays.maybe("Bias")
    x = arrays.one("X")
    return kernels.group_norm(x, scale, bias, groups=op.groups, epsilon=op.epsilon)


@computes(ops.LayerNorm)
def layer_norm(op: ops.LayerNorm, arrays: Arrays) -> np.ndarray:
    return kernels.layer_norm(
        arrays.one("X"),
        arrays.one("Scale"),
        arrays.one("Bias"),
        begin_norm_axis=op.begin_norm_axis,
        epsilon=op.epsilon,
    )
