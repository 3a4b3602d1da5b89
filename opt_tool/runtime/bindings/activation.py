"""Binds activations; ``apply`` is also what operations with a fused one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.ir import Operation
from opt_tool.ir.operations import activation as ops
from opt_tool.kernels import activation as kernels
from opt_tool.runtime.binding import Arrays, computes

KERNELS: Mapping[type[Operation], Callable[..., np.ndarray]] = {
    ops.Relu: kernels.relu,
    ops.Relu6: kernels.relu6,
    ops.LeakyRelu: kernels.leaky_relu,
    ops.Sigmoid: kernels.sigmoid,
    ops.Tanh: kernels.tanh,
    ops.HardSigmoid: kernels.hard_sigmoid,
    ops.HardSwish: kernels.hard_swish,
    ops.Swish: kernels.swish,
    ops.Elu: kernels.elu,
    ops.Gelu: kernels.gelu,
    ops.Softplus: kernels.softplus,
    ops.Mish: kernels.mish,
    ops.ThresholdedRelu: kernels.thresholded_relu,
}
"""Kernels whose keyword arguments are the operation's attributes, by the same names."""


def attributes(op: Operation) -> dict[str, object]:
    """The fields of an operation by name."""
    fields = dataclasses.fields(op)  # type: ignore[arg-type]  # all operations are dataclasses
    return {field.name: getattr(op, field.name) for field in fields}


def apply(activation: Operation | None, x: np.ndarray) -> np.ndarray:
    """What a fused activation makes of x."""
    if activation is None:
        return x
    return np.asarray(KERNELS[type(activation)](x, **attributes(activation)))


def _compute(op: Operation, arrays: Arrays) -> np.ndarray:
    return apply(op, arrays.one("X"))


for _op_type in KERNELS:
    computes(_op_type)(_compute)


@computes(ops.PRelu)
def prelu(op: ops.PRelu, arrays: Arrays) -> np.ndarray:
    x, slope = arrays.one("X"), arrays.one("Alpha")
    shapes = {"all": (1,), "channel": (-1, *(1,) * (x.ndim - 2)), "element": x.shape}
    return kernels.prelu(x, slope.reshape(shapes[op.mode]))
