"""Binds arithmetic on elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.ir import Operation
from opt_tool.ir.operations import elementwise as ops
from opt_tool.kernels import elementwise as kernels
from opt_tool.runtime.binding import Arrays, Out, computes, writes

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
}
"""Kernels whose keyword arguments are the operation's attributes, by the same names."""

WRITERS: Mapping[type[ops.ElementwiseBinary], Callable[..., np.ndarray]] = {
    ops.ElementwiseAdd: kernels.add,
    ops.ElementwiseSub: kernels.subtract,
    ops.ElementwiseMul: kernels.multiply,
    ops.ElementwiseDiv: kernels.divide,
    ops.ElementwiseFloorDiv: kernels.divide,
    ops.ElementwiseMax: np.maximum,
    ops.ElementwiseMin: np.minimum,
}
"""Kernels of two operands that write into ``out``, which may be one of them."""

BINARY: Mapping[type[ops.ElementwiseBinary], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ops.ElementwiseMod: kernels.modulo,
    ops.ElementwisePow: kernels.pow_elements,
}


def _unary(op: Operation, arrays: Arrays) -> np.ndarray:
    return np.asarray(UNARY[type(op)](arrays.one("X"), **op.attributes))


def _binary(op: ops.ElementwiseBinary, arrays: Arrays) -> np.ndarray:
    x, y = kernels.fit_at_axis(arrays.one("X"), arrays.one("Y"), op.axis)
    return np.asarray(BINARY[type(op)](x, y))


def _write_binary(op: ops.ElementwiseBinary, arrays: Arrays, out: Out) -> np.ndarray:
    x, y = kernels.fit_at_axis(arrays.one("X"), arrays.one("Y"), op.axis)
    return np.asarray(WRITERS[type(op)](x, y, out=out))


@writes(ops.Scale, in_place=("X",))
def scale(op: ops.Scale, arrays: Arrays, out: Out) -> np.ndarray:
    y = kernels.scale(
        arrays.one("X"),
        scale=op.scale,
        bias=op.bias,
        bias_after_scale=op.bias_after_scale,
        out=out,
    )
    return np.asarray(y)


@writes(ops.Clip, in_place=("X",))
def clip(op: ops.Clip, arrays: Arrays, out: Out) -> np.ndarray:
    lower, upper = arrays.maybe("Min"), arrays.maybe("Max")
    y = kernels.clip(
        arrays.one("X"),
        lower=op.min if lower is None else float(lower.reshape(-1)[0]),
        upper=op.max if upper is None else float(upper.reshape(-1)[0]),
        out=out,
    )
    return np.asarray(y)


@computes(ops.Cast)
def cast(op: ops.Cast, arrays: Arrays) -> np.ndarray:
    return kernels.cast(arrays.one("X"), dtype=op.out_dtype.numpy)


for _unary_type in UNARY:
    computes(_unary_type)(_unary)
for _writer_type in WRITERS:
    writes(_writer_type, in_place=("X", "Y"))(_write_binary)
for _binary_type in BINARY:
    computes(_binary_type)(_binary)
