"""Changes element types by the casts that the runtimes have.

``cast`` is one kernel with a list of pairs (lite/kernels/host/cast_compute.cc). Pairs that
it lacks go by way of another type where that keeps every value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.errors import UnsupportedError
from opt_tool.ir import DType, Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.comparison import GreaterEqual, NotEqual
from opt_tool.ir.operations.elementwise import Cast, ElementwiseSub, Scale
from opt_tool.kernels.elementwise import cast

B, U8, I8, I32, I64, F32 = (
    DType.BOOL,
    DType.UINT8,
    DType.INT8,
    DType.INT32,
    DType.INT64,
    DType.FLOAT32,
)

CASTS: Mapping[DType, tuple[DType, ...]] = {
    B: (F32, I32, I64),
    U8: (F32,),
    I32: (F32, I64, B),
    I64: (F32, I32),
    F32: (I32, I64, U8, B),
}
"""The casts that the kernel has, from each element type to others."""

ROUTES: Mapping[tuple[DType, DType], DType] = {
    (U8, I32): F32,
    (U8, I64): F32,
    (U8, B): F32,
    (I8, I32): F32,
    (I8, I64): F32,
    (I8, B): F32,
    (B, U8): F32,
}
"""Pairs without a cast, and the element type that leads from one to the other."""


def converted(builder: GraphBuilder, x: Value, dtype: DType) -> Value:
    """X in another element type.

    Raises:
        UnsupportedError: when x is computed at run time and no cast leads to the type.
    """
    if x.dtype is dtype:
        return x
    if x.is_constant:
        return builder.constant(cast(x.array(), dtype=dtype.numpy), x.name)
    if dtype in CASTS.get(x.dtype, ()):
        return builder.add(Cast(in_dtype=x.dtype, out_dtype=dtype), X=x)
    if (x.dtype, dtype) == (I8, F32):
        return _signed_bytes(builder, x)
    if (x.dtype, dtype) in ROUTES:
        return converted(builder, converted(builder, x, ROUTES[x.dtype, dtype]), dtype)
    if (x.dtype, dtype) == (I64, B):
        zero = builder.constant(np.zeros((1,) * x.rank, np.int64), "zero")
        return builder.add(NotEqual(), X=x, Y=zero)
    raise UnsupportedError(
        f"Paddle Lite has no cast from {x.dtype.value} to {dtype.value} for what is computed "
        "at run time"
    )


def _signed_bytes(builder: GraphBuilder, x: Value) -> Value:
    """Signed bytes in float32.

    The kernel casts them as C's ``char``, which has no sign on ARM: there 256 is taken off
    what is 128 or more.
    """
    numbers = builder.add(Cast(in_dtype=I8, out_dtype=F32), X=x)
    limit = builder.constant(np.full((1,) * x.rank, 128, np.float32), "limit")
    over = builder.add(GreaterEqual(), X=numbers, Y=limit)
    excess = builder.add(Scale(scale=256.0), X=converted(builder, over, F32))
    return builder.add(ElementwiseSub(), X=numbers, Y=excess)
