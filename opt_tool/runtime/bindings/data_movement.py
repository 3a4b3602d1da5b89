"""Binds operations that move elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.ir.operations import data_movement as ops
from opt_tool.kernels import data_movement as kernels
from opt_tool.runtime.binding import Arrays, Out, computes, writes
from opt_tool.runtime.bindings.shape import given


@computes(ops.Assign)
def assign(op: ops.Assign, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return arrays.one("X")


@writes(ops.Transpose2)
def transpose2(op: ops.Transpose2, arrays: Arrays, out: Out) -> np.ndarray:
    return kernels.transpose(arrays.one("X"), axis=op.axis, out=out)


@writes(ops.Concat)
def concat(op: ops.Concat, arrays: Arrays, out: Out) -> np.ndarray:
    return kernels.concat(arrays["X"], axis=op.axis, out=out)


@computes(ops.Stack)
def stack(op: ops.Stack, arrays: Arrays) -> np.ndarray:
    return kernels.stack(arrays["X"], axis=op.axis)


@computes(ops.Split)
def split(op: ops.Split, arrays: Arrays) -> Sequence[np.ndarray]:
    return kernels.split(arrays.one("X"), axis=op.axis, num=op.num, sections=op.sections)


@computes(ops.Slice)
def slice_(op: ops.Slice, arrays: Arrays) -> np.ndarray:
    y = kernels.slice_axes(
        arrays.one("Input"),
        axes=op.axes,
        starts=given(arrays, "StartsTensor", "StartsTensorList", op.starts),
        ends=given(arrays, "EndsTensor", "EndsTensorList", op.ends),
    )
    return kernels.drop_axes(y, axes=op.decrease_axis)


@computes(ops.StridedSlice)
def strided_slice(op: ops.StridedSlice, arrays: Arrays) -> np.ndarray:
    y = kernels.slice_axes(
        arrays.one("Input"), axes=op.axes, starts=op.starts, ends=op.ends, strides=op.strides
    )
    return kernels.drop_axes(y, axes=op.decrease_axis)


@computes(ops.ShuffleChannel)
def shuffle_channel(op: ops.ShuffleChannel, arrays: Arrays) -> np.ndarray:
    return kernels.shuffle_channel(arrays.one("X"), group=op.group)


@computes(ops.PixelShuffle)
def pixel_shuffle(op: ops.PixelShuffle, arrays: Arrays) -> np.ndarray:
    return kernels.pixel_shuffle(arrays.one("X"), factor=op.upscale_factor)


@computes(ops.Flip)
def flip(op: ops.Flip, arrays: Arrays) -> np.ndarray:
    return kernels.flip(arrays.one("X"), axis=op.axis)


@computes(ops.ExpandV2)
def expand_v2(op: ops.ExpandV2, arrays: Arrays) -> np.ndarray:
    return kernels.expand(
        arrays.one("X"), shape=given(arrays, "Shape", "expand_shapes_tensor", op.shape)
    )


@computes(ops.Tile)
def tile(op: ops.Tile, arrays: Arrays) -> np.ndarray:
    times = given(arrays, "RepeatTimes", "repeat_times_tensor", op.repeat_times)
    return kernels.tile(arrays.one("X"), repeat_times=times)
