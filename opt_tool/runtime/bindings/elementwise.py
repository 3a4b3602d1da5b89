"""Binds arithmetic on elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.ir import Operation
from opt_tool.ir.operations import elementwise as ops
from opt_tool.kernels import elementwise as kernels
from opt_tool.runtime.binding import Arrays, computes
from opt_tool.runtime.bindings.activation import attributes

UNARY: Mapping[type[Operation], Callable[..., np.ndarray]] = {
    ops.Abs: np.abs,
    ops.Exp: kernels.exp,
    ops.Log: kernels.log,
    ops.Sqrt: kernels.sqrt,
    ops.Rsqrt: kernels.rsqrt,
    ops.Square: kernels.square,
    ops.Reciprocal: kernels.reciprocal,
    ops.Floor: np.floor,
    ops.Sin: np.sin,
    ops.Cos: np.cos,
    ops.Erf: kernels.erf,
    ops.Pow: kernels.power,
    ops.Scale: kernels.scale,
}
"""Kernels whose keyword arguments are the operation's attributes, by the same names."""

BINARY: Mapping[type[ops.ElementwiseBinary], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ops.ElementwiseAdd: kernels.add,
    ops.ElementwiseSub: kernels.subtract,
    ops.ElementwiseMul: kernels.multiply,
    ops.ElementwiseDiv: kernels.divide,
    ops.ElementwiseFloorDiv: kernels.divide,
    ops.ElementwiseMod: kernels.modulo,
    ops.ElementwiseMax: np.maximum,
    ops.ElementwiseMin: np.minimum,
    ops.ElementwisePow: kernels.pow_elements,
}


def _unary(op: Operation, arrays: Arrays) -> np.ndarray:
    return np.asarray(UNARY[type(op)](arrays.one("X"), **attributes(op)))


def _binary(op: ops.ElementwiseBinary, arrays: Arrays) -> np.ndarray:
    x, y = kernels.fit_at_axis(arrays.one("X"), arrays.one("Y"), op.axis)
    return np.asarray(BINARY[type(op)](x, y))


@computes(ops.Clip)
def clip(op: ops.Clip, arrays: Arrays) -> np.ndarray:
    lower, upper = arrays.maybe("Min"), arrays.maybe("Max")
    return kernels.clip(
        arrays.one("X"),
        lower=op.min if lower is None else float(lower.reshape(-1)[0]),
        upper=op.max if upper is None else float(upper.reshape(-1)[0]),
    )


@computes(ops.Cast)
def cast(op: ops.Cast, arrays: Arrays) -> np.ndarray:
    return kernels.cast(arrays.one("X"), dtype=op.out_dtype.numpy)


for _unary_type in UNARY:
    computes(_unary_type)(_unary)
for _binary_type in BINARY:
    computes(_binary_type)(_binary)
