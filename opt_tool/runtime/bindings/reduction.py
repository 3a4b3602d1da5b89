"""Binds operations along axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from opt_tool.ir import DType, TensorType
from opt_tool.ir.operations import reduction as ops
from opt_tool.kernels import reduction as kernels
from opt_tool.runtime.binding import Arrays, Out, computes, writes

REDUCTIONS: Mapping[type[ops.Reduction], Callable[..., np.ndarray]] = {
    ops.ReduceSum: kernels.reduce_sum,
    ops.ReduceMean: kernels.reduce_mean,
    ops.ReduceMax: kernels.reduce_max,
    ops.ReduceMin: kernels.reduce_min,
    ops.ReduceProd: kernels.reduce_prod,
}


def _reduce(op: ops.Reduction, arrays: Arrays) -> np.ndarray:
    x = arrays.one("X")
    axes = op.axes(TensorType(DType.of(x.dtype), x.shape))
    result = np.asarray(REDUCTIONS[type(op)](x, axes=axes, keep=op.keep_dim))
    return result if result.ndim > 0 else result.reshape(1)


for _op_type in REDUCTIONS:
    computes(_op_type)(_reduce)


@computes(ops.ArgMax)
def arg_max(op: ops.ArgMax, arrays: Arrays) -> np.ndarray:
    return kernels.arg_max(arrays.one("X"), axis=op.axis, keep=op.keepdims, dtype=op.dtype.numpy)


@writes(ops.Softmax, in_place=("X",))
def softmax(op: ops.Softmax, arrays: Arrays, out: Out) -> np.ndarray:
    return kernels.softmax(arrays.one("X"), axis=op.axis, out=out)


@computes(ops.CumSum)
def cumsum(op: ops.CumSum, arrays: Arrays) -> np.ndarray:
    return kernels.cumulative_sum(
        arrays.one("X"), axis=op.axis, exclusive=op.exclusive, reverse=op.reverse
    )


@computes(ops.TopKV2)
def top_k(op: ops.TopKV2, arrays: Arrays) -> Sequence[np.ndarray]:
    return kernels.top_k(arrays.one("X"), k=op.k, axis=op.axis)


@computes(ops.ArgSort)
def argsort(op: ops.ArgSort, arrays: Arrays) -> Sequence[np.ndarray]:
    return kernels.sort(arrays.one("X"), axis=op.axis, descending=op.descending)
