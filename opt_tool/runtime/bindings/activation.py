"""Binds activations; ``apply`` is also what operations with a fused one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np

from opt_tool.ir import Operation
from opt_tool.ir.operations import activation as ops
from opt_tool.kernels import activation as kernels
from opt_tool.kernels.calls import Call, CallsInPlace
from opt_tool.kernels.planes import InPlace
from opt_tool.runtime.binding import Arrays, Out, computes, writes

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


WRITERS = frozenset(
    {
        ops.Relu,
        ops.Relu6,
        ops.LeakyRelu,
        ops.Sigmoid,
        ops.Tanh,
        ops.HardSigmoid,
        ops.HardSwish,
        ops.Swish,
    }
)
"""Those whose kernels write into ``out``, which may be their operand."""


CALLS: Mapping[type[Operation], Callable[..., Iterable[Call]]] = {
    ops.Relu: kernels.relu_calls,
    ops.Relu6: kernels.relu6_calls,
}
"""Kernels that hand over what they call to overwrite an array that lies in a row."""


def in_a_row(activation: Operation | None) -> InPlace | None:
    """The same as ``in_place`` for arrays that lie in a row."""
    if activation is None or type(activation) not in CALLS:
        return in_place(activation)
    return CallsInPlace(partial(CALLS[type(activation)], **activation.attributes))


def in_place(activation: Operation | None) -> InPlace | None:
    """What overwrites an array by what a fused activation makes of it."""
    if activation is None:
        return None
    kernel, arguments = KERNELS[type(activation)], activation.attributes
    if type(activation) in WRITERS:
        return lambda x: kernel(x, out=x, **arguments)

    def overwrite(x: np.ndarray) -> None:
        x[...] = kernel(x, **arguments)

    return overwrite


def apply(activation: Operation | None, x: np.ndarray) -> np.ndarray:
    """What a fused activation makes of x."""
    if activation is None:
        return x
    return np.asarray(KERNELS[type(activation)](x, **activation.attributes))


def _compute(op: Operation, arrays: Arrays) -> np.ndarray:
    return apply(op, arrays.one("X"))


def _write(op: Operation, arrays: Arrays, out: Out) -> np.ndarray:
    return np.asarray(KERNELS[type(op)](arrays.one("X"), out=out, **op.attributes))


for _op_type in WRITERS:
    writes(_op_type, in_place=("X",))(_write)
for _op_type in KERNELS.keys() - WRITERS:
    computes(_op_type)(_compute)


@writes(ops.PRelu, in_place=("X",))
def prelu(op: ops.PRelu, arrays: Arrays, out: Out) -> np.ndarray:
    x, slope = arrays.one("X"), arrays.one("Alpha")
    shapes = {"all": (1,), "channel": (-1, *(1,) * (x.ndim - 2)), "element": x.shape}
    return kernels.prelu(x, slope.reshape(shapes[op.mode]), out=out)
