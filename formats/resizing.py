"""Writes what a source computes along each axis that it resizes: as an operator, or by axis.

A source says it as indices or as a matrix. Where one of Paddle Lite's ways of counting gives
the same, it is that operator; otherwise each axis is gathered, or multiplied by its matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Value
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.resampling import times_matrix
from opt_tool.kernels.interpolation import (
    LARGEST_COUNT,
    LARGEST_MATRIX,
    linear_matrix,
    nearest_positions,
)


def check_axis(node: ImportedNode, size: int, count: int, *, weighted: bool) -> None:
    """Refuse an axis whose weights, or whose indices, would fill the memory."""
    if count > LARGEST_COUNT or (weighted and size * count > LARGEST_MATRIX):
        raise node.unsupported(
            f"{size} elements to {count}; at most {LARGEST_COUNT}, and {LARGEST_MATRIX} weights, "
            "are made"
        )


def nearest_operator(axes: Iterable[tuple[int, np.ndarray]]) -> NearestInterp | None:
    """The operator that takes the elements at indices, of axes of a size each; without a size."""
    known = list(axes)
    for align_corners in (False, True):
        if all(_takes(*axis, align_corners=align_corners) for axis in known):
            return NearestInterp(align_corners=align_corners)
    return None


def _takes(size: int, indices: np.ndarray, *, align_corners: bool) -> bool:
    if align_corners and len(indices) == 1:
        return False  # the runtime divides by zero
    paddle = nearest_positions(size, len(indices), align_corners=align_corners)
    return np.array_equal(indices, paddle)


def bilinear_operator(matrices: Collection[np.ndarray]) -> BilinearInterp | None:
    """The operator that multiplies each axis by a matrix (count, size); without a size."""
    for align_corners, align_mode in ((False, 0), (False, 1), (True, 1)):
        if all(_weighs(each, align_corners, align_mode) for each in matrices):
            return BilinearInterp(align_corners=align_corners, align_mode=align_mode)
    return None


def _weighs(matrix: np.ndarray, align_corners: bool, align_mode: int) -> bool:
    """Whether Paddle Lite's weights are the same up to the rounding of a position."""
    count, size = matrix.shape
    if count == 1 < size and (align_corners or not align_mode):
        return False  # ARM's kernel writes behind its memory, or takes the middle, x86's the first
    if align_corners and size == 1 < count:
        return False  # ARM's kernel reads beyond the plane
    paddle = linear_matrix(size, count, align_corners=align_corners, align_mode=align_mode)
    tolerance = 4 * np.finfo(np.float32).eps * max(size, count)
    return bool(np.abs(matrix - paddle).max() <= tolerance)


def taken_along(node: ImportedNode, x: Value, axis: int, indices: np.ndarray) -> Value:
    """X with the elements at indices of an axis in its place."""
    if len(indices) == x.shape[axis] and np.array_equal(indices, np.arange(len(indices))):
        return x
    index = node.new_constant(indices.astype(np.int32), f"indices{axis}")
    return node.add(Gather(axis=axis), X=x, Index=index)


def multiplied_along(node: ImportedNode, x: Value, axis: int, matrix: np.ndarray) -> Value:
    """X with a matrix (count, size) times an axis in its place."""
    return times_matrix(node.builder, x, axis, matrix, f"{node.name}.weights{axis}")
