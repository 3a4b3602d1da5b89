"""Binds pooling."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations.pooling import Pool2D, pooled_size
from opt_tool.ir.types import static_dim
from opt_tool.kernels import pooling as kernels
from opt_tool.runtime.binding import Arrays, Out, writes


@writes(Pool2D)
def pool2d(op: Pool2D, arrays: Arrays, out: Out) -> np.ndarray:
    x = arrays.one("X")
    if op.global_pooling or _is_one_window(op, x):
        return _whole(op, x, out)
    if op.adaptive:
        return _adaptive(op, x)
    pads = (op.paddings[:2], op.paddings[2:])
    height, width = (
        static_dim(pooled_size(size, extent, *pad, stride, ceil_mode=op.ceil_mode))
        for size, extent, pad, stride in zip(x.shape[2:], op.ksize, pads, op.strides, strict=True)
    )
    if op.pooling_type == "max":
        return kernels.max_pool2d(
            x,
            ksize=op.ksize,
            strides=op.strides,
            paddings=op.paddings,
            out_size=(height, width),
            out=out,
        )
    return kernels.average_pool2d(
        x,
        ksize=op.ksize,
        strides=op.strides,
        paddings=op.paddings,
        out_size=(height, width),
        exclusive=op.exclusive,
        out=out,
    )


def _is_one_window(op: Pool2D, x: np.ndarray) -> bool:
    return not op.adaptive and op.ksize == x.shape[2:] and not any(op.paddings)


def _whole(op: Pool2D, x: np.ndarray, out: Out) -> np.ndarray:
    if op.pooling_type == "max":
        return np.max(x, axis=(2, 3), keepdims=True, out=out)
    return kernels.whole_average(x, out=out)


def _adaptive(op: Pool2D, x: np.ndarray) -> np.ndarray:
    if op.pooling_type == "max":
        return kernels.adaptive_pool2d(x, reduce=np.maximum, out_size=op.ksize)
    sums = kernels.adaptive_pool2d(x, reduce=np.add, out_size=op.ksize)
    counts = [
        kernels.adaptive_counts(size, count)
        for size, count in zip(x.shape[2:], op.ksize, strict=True)
    ]
    return sums / np.outer(counts[0], counts[1]).astype(x.dtype)
