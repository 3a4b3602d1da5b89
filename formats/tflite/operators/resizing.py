"""Reads RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.

What TensorFlow computes along an axis is written as indices or as a matrix. Where one of
Paddle Lite's ways of counting gives the same, it becomes that operator; otherwise each
axis is gathered, or multiplied by its matrix.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.kernels.interpolation import (
    LARGEST_COUNT,
    LARGEST_MATRIX,
    linear_matrix,
    nearest_positions,
)

F = np.float32


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis to resize, and the options that say where output elements lie."""

    size: int
    count: int
    align_corners: bool
    half_pixel: bool

    @property
    def scale(self) -> np.float32:
        """How far two neighbours of the output are apart in the input."""
        if self.align_corners and self.count > 1:
            return F(self.size - 1) / F(self.count - 1)
        return F(self.size) / F(self.count)


def nearest_indices(axis: Axis) -> np.ndarray:
    """Which element of the input each output element is, int64 (count,)."""
    offset = F(0.5) if axis.half_pixel else F(0)
    position = (np.arange(axis.count, dtype=F) + offset) * axis.scale
    rounded = np.floor(position + F(0.5)) if axis.align_corners else np.floor(position)
    return np.minimum(rounded.astype(np.int64), axis.size - 1)


def linear_weights(axis: Axis) -> np.ndarray:
    """The weights (count, size) of all input elements in each output element, float32."""
    position = np.arange(axis.count, dtype=F) * axis.scale
    if axis.half_pixel:
        position = (np.arange(axis.count, dtype=F) + F(0.5)) * axis.scale - F(0.5)
    position = np.clip(position, F(0), F(axis.size - 1))
    before = np.floor(position).astype(np.int64)
    share = position - before.astype(F)
    weights = np.zeros((axis.count, axis.size), F)
    rows = np.arange(axis.count)
    np.add.at(weights, (rows, before), 1 - share)
    np.add.at(weights, (rows, np.minimum(before + 1, axis.size - 1)), share)
    return weights


def _axes(node: TfliteNode, x: Value) -> tuple[Axis, Axis]:
    counts = node.integers(1, "size")
    if len(counts) != 2 or min(counts) < 1 or x.dtype is not DType.FLOAT32:
        raise node.unsupported(f"{x.type} to a size of {list(counts)}")
    height, width = x.shape[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise node.unsupported(
            f"planes of {height} x {width}, known only at run time; give the input's shape with "
            "--input-shape"
        )
    if max(counts) > LARGEST_COUNT:
        raise node.unsupported(f"a size of {list(counts)}; at most {LARGEST_COUNT} are supported")
    options = node.flag("align_corners"), node.flag("half_pixel_centers")
    return Axis(height, counts[0], *options), Axis(width, counts[1], *options)


def _check_weights(node: TfliteNode, axes: Iterable[Axis]) -> None:
    """Refuse an axis whose weights would fill the memory."""
    for axis in axes:
        if axis.size * axis.count > LARGEST_MATRIX:
            raise node.unsupported(
                f"{axis.size} elements to {axis.count}; at most {LARGEST_MATRIX} weights are made"
            )


@tflite_op("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(node: TfliteNode) -> Laid:
    x = node.planes(0)
    axes = _axes(node, x)
    for align_corners in (False, True):
        if all(_same_indices(axis, align_corners=align_corners) for axis in axes):
            op = NearestInterp(axes[0].count, axes[1].count, align_corners=align_corners)
            return Laid(node.add(op, X=x), PLANES)
    for number, axis in enumerate(axes, 2):
        indices = nearest_indices(axis).astype(np.int32)
        index = node.new_constant(indices, f"indices{number}")
        x = node.add(Gather(axis=number), X=x, Index=index)
    return Laid(x, PLANES)


def _same_indices(axis: Axis, *, align_corners: bool) -> bool:
    if align_corners and axis.count == 1:
        return False  # the runtime divides by zero
    paddle = nearest_positions(axis.size, axis.count, align_corners=align_corners)
    return np.array_equal(nearest_indices(axis), paddle)


@tflite_op("RESIZE_BILINEAR")
def resize_bilinear(node: TfliteNode) -> Laid:
    x = node.planes(0)
    axes = _axes(node, x)
    _check_weights(node, axes)
    for align_corners, align_mode in ((False, 0), (False, 1), (True, 1)):
        if all(_same_weights(axis, align_corners, align_mode) for axis in axes):
            op = BilinearInterp(
                axes[0].count, axes[1].count, align_corners=align_corners, align_mode=align_mode
            )
            return Laid(node.add(op, X=x), PLANES)
    rows = node.new_constant(linear_weights(axes[0]), "rows")
    columns = node.new_constant(np.ascontiguousarray(linear_weights(axes[1]).T), "columns")
    y = node.add(MatMulV2(), X=x, Y=columns)
    swap = Transpose2(axis=(0, 1, 3, 2))
    y = node.add(MatMulV2(trans_y=True), X=node.add(swap, X=y), Y=rows)
    return Laid(node.add(swap, X=y), PLANES)


def _same_weights(axis: Axis, align_corners: bool, align_mode: int) -> bool:
    """Whether Paddle Lite's weights are the same up to the rounding of a position."""
    if axis.count == 1 < axis.size and (align_corners or not align_mode):
        return False  # ARM's kernel writes behind its memory, or takes the middle, x86's the first
    paddle = linear_matrix(
        axis.size, axis.count, align_corners=align_corners, align_mode=align_mode
    )
    tolerance = 4 * np.finfo(np.float32).eps * max(axis.size, axis.count)
    return bool(np.abs(linear_weights(axis) - paddle).max() <= tolerance)
