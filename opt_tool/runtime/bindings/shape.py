"""Binds operations on shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.ir.operations import shape as ops
from opt_tool.kernels import data_movement as kernels
from opt_tool.runtime.binding import Arrays, computes


def given(arrays: Arrays, whole: str, parts: str, attribute: Sequence[int]) -> list[int]:
    """A shape from its operand, from one operand for each element, or from the attribute."""
    if parts in arrays:
        return [int(part.reshape(-1)[0]) for part in arrays[parts]]
    vector = arrays.maybe(whole)
    return list(attribute) if vector is None else [int(x) for x in vector.reshape(-1)]


@computes(ops.Shape)
def shape(op: ops.Shape, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return np.array(arrays.one("Input").shape, np.int32)


@computes(ops.Reshape2)
def reshape2(op: ops.Reshape2, arrays: Arrays) -> np.ndarray:
    return kernels.reshape(arrays.one("X"), shape=given(arrays, "Shape", "ShapeTensor", op.shape))


@computes(ops.Flatten2)
def flatten2(op: ops.Flatten2, arrays: Arrays) -> np.ndarray:
    return kernels.flatten(arrays.one("X"), axis=op.axis)


@computes(ops.FlattenContiguousRange)
def flatten_contiguous_range(op: ops.FlattenContiguousRange, arrays: Arrays) -> np.ndarray:
    return kernels.flatten_range(arrays.one("X"), start_axis=op.start_axis, stop_axis=op.stop_axis)


@computes(ops.Squeeze2)
def squeeze2(op: ops.Squeeze2, arrays: Arrays) -> np.ndarray:
    return kernels.squeeze(arrays.one("X"), axes=op.axes)


@computes(ops.Unsqueeze2)
def unsqueeze2(op: ops.Unsqueeze2, arrays: Arrays) -> np.ndarray:
    return kernels.unsqueeze(
        arrays.one("X"), axes=given(arrays, "AxesTensor", "AxesTensorList", op.axes)
    )
