"""Binds matrix products."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import matmul as ops
from opt_tool.kernels import matmul as kernels
from opt_tool.runtime.binding import Arrays, Out, computes, writes
from opt_tool.runtime.bindings.activation import in_place


@computes(ops.MatMulV2)
def matmul_v2(op: ops.MatMulV2, arrays: Arrays) -> np.ndarray:
    x, y = arrays.one("X"), arrays.one("Y")
    return kernels.matmul(x, y, trans_x=op.trans_x, trans_y=op.trans_y, alpha=op.alpha)


@computes(ops.MatMul)
def matmul(op: ops.MatMul, arrays: Arrays) -> np.ndarray:
    x, y = arrays.one("X"), arrays.one("Y")
    return kernels.matmul(x, y, trans_x=op.transpose_X, trans_y=op.transpose_Y, alpha=op.alpha)


@computes(ops.Mul)
def mul(op: ops.Mul, arrays: Arrays) -> np.ndarray:
    return kernels.mul(
        arrays.one("X"),
        arrays.one("Y"),
        x_num_col_dims=op.x_num_col_dims,
        y_num_col_dims=op.y_num_col_dims,
    )


@writes(ops.Fc)
def fc(op: ops.Fc, arrays: Arrays, out: Out) -> np.ndarray:
    y = kernels.fc(
        arrays.one("Input"),
        arrays.one("W"),
        arrays.maybe("Bias"),
        in_num_col_dims=op.in_num_col_dims,
        out=out,
    )
    activate = in_place(op.activation)
    if activate is not None:
        activate(y)
    return y
