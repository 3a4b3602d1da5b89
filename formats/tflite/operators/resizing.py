"""Reads RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.

What TensorFlow computes along an axis is written as indices or as a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opt_tool.formats.resizing import (
    bilinear_operator,
    check_axis,
    multiplied_along,
    nearest_operator,
    taken_along,
)
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.interpolation import Interpolation

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


def _axes(node: TfliteNode, x: Value, *, weighted: bool) -> tuple[Axis, Axis]:
    counts = node.integers(1, "size")
    if len(counts) != 2 or min(counts) < 1 or x.dtype is not DType.FLOAT32:
        raise node.unsupported(f"{x.type} to a size of {list(counts)}")
    height, width = x.shape[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise node.unsupported(
            f"planes of {height} x {width}, known only at run time; give the input's shape with "
            "--input-shape"
        )
    for size, count in zip((height, width), counts, strict=True):
        check_axis(node, size, count, weighted=weighted)
    options = node.flag("align_corners"), node.flag("half_pixel_centers")
    return Axis(height, counts[0], *options), Axis(width, counts[1], *options)


@tflite_op("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(node: TfliteNode) -> Laid:
    x = node.planes(0)
    axes = _axes(node, x, weighted=False)
    indices = [nearest_indices(axis) for axis in axes]
    op = nearest_operator((axis.size, each) for axis, each in zip(axes, indices, strict=True))
    if op is not None:
        return _with_operator(node, x, axes, op)
    for number, each in enumerate(indices, 2):
        x = taken_along(node, x, number, each)
    return Laid(x, PLANES)


@tflite_op("RESIZE_BILINEAR")
def resize_bilinear(node: TfliteNode) -> Laid:
    x = node.planes(0)
    axes = _axes(node, x, weighted=True)
    matrices = [linear_weights(axis) for axis in axes]
    op = bilinear_operator(matrices)
    if op is not None:
        return _with_operator(node, x, axes, op)
    for number, matrix in ((3, matrices[1]), (2, matrices[0])):
        x = multiplied_along(node, x, number, matrix)
    return Laid(x, PLANES)


def _with_operator(node: TfliteNode, x: Value, axes: tuple[Axis, Axis], op: Interpolation) -> Laid:
    height, width = axes
    return Laid(node.add(op.replaced(out_h=height.count, out_w=width.count), X=x), PLANES)
