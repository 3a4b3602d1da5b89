"""Binds operations that make tensors."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import creation as ops
from opt_tool.kernels import creation as kernels
from opt_tool.runtime.binding import Arrays, computes
from opt_tool.runtime.bindings.shape import given


@computes(ops.FillConstant)
def fill_constant(op: ops.FillConstant, arrays: Arrays) -> np.ndarray:
    value = arrays.maybe("ValueTensor")
    return np.full(
        given(arrays, "ShapeTensor", "ShapeTensorList", op.shape),
        op.value if value is None else value.reshape(-1)[0],
        op.dtype.numpy,
    )


@computes(ops.Range)
def range_(op: ops.Range, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return kernels.arange(arrays.one("Start"), arrays.one("End"), arrays.one("Step"))


@computes(ops.OneHotV2)
def one_hot_v2(op: ops.OneHotV2, arrays: Arrays) -> np.ndarray:
    depth = arrays.maybe("depth_tensor")
    return kernels.one_hot(
        arrays.one("X"),
        depth=op.depth if depth is None else int(depth.reshape(-1)[0]),
        dtype=op.dtype.numpy,
        allow_out_of_range=op.allow_out_of_range,
    )


@computes(ops.TrilTriu)
def tril_triu(op: ops.TrilTriu, arrays: Arrays) -> np.ndarray:
    return kernels.tril_triu(arrays.one("X"), diagonal=op.diagonal, lower=op.lower)
