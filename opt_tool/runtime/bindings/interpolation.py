"""Binds resizing."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import interpolation as ops
from opt_tool.kernels import interpolation as kernels
from opt_tool.runtime.binding import Arrays, Out, writes


@writes(ops.NearestInterp)
def nearest_interp(op: ops.NearestInterp, arrays: Arrays, out: Out) -> np.ndarray:
    return kernels.nearest(
        arrays.one("X"),
        out_size=_size(op, arrays),
        align_corners=op.align_corners,
        scales=(op.scale[0], op.scale[1]) if op.scale else (None, None),
        out=out,
    )


@writes(ops.BilinearInterp)
def bilinear_interp(op: ops.BilinearInterp, arrays: Arrays, out: Out) -> np.ndarray:
    return kernels.bilinear(
        arrays.one("X"),
        out_size=_size(op, arrays),
        align_corners=op.align_corners,
        align_mode=op.align_mode,
        out=out,
    )


def _size(op: ops.Interpolation, arrays: Arrays) -> tuple[int, int]:
    given = arrays.maybe("OutSize")
    if given is not None:
        return int(given[0]), int(given[1])
    if not op.scale:
        return op.out_h, op.out_w
    height, width = arrays.one("X").shape[2:]
    return int(height * op.scale[0]), int(width * op.scale[1])
