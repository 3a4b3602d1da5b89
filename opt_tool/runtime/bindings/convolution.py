"""Binds convolutions and transposed ones."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import convolution as ops
from opt_tool.kernels import convolution as kernels
from opt_tool.runtime.binding import Arrays, computes
from opt_tool.runtime.bindings.activation import apply


def _conv2d(op: ops.Conv2D, arrays: Arrays) -> np.ndarray:
    y = kernels.conv2d(
        arrays.one("Input"),
        arrays.one("Filter"),
        arrays.maybe("Bias"),
        strides=op.strides,
        paddings=op.paddings,
        dilations=op.dilations,
        groups=op.groups,
    )
    residual = arrays.maybe("ResidualData")
    return apply(op.activation, y if residual is None else y + residual)


computes(ops.Conv2D)(_conv2d)
computes(ops.DepthwiseConv2D)(_conv2d)


@computes(ops.Conv2DTranspose)
def conv2d_transpose(op: ops.Conv2DTranspose, arrays: Arrays) -> np.ndarray:
    y = kernels.conv2d_transpose(
        arrays.one("Input"),
        arrays.one("Filter"),
        arrays.maybe("Bias"),
        strides=op.strides,
        paddings=op.paddings,
        dilations=op.dilations,
        groups=op.groups,
        output_padding=op.output_padding,
    )
    return apply(op.activation, y)
