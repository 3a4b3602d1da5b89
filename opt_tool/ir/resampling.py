"""Writes the resizing of an axis as a product."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.graph import Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.matmul import MatMulV2


def times_matrix(
    builder: GraphBuilder, x: Value, axis: int, matrix: np.ndarray, name: str
) -> Value:
    """Put matrix (count, size) times the elements of an axis in their place.

    Args:
        builder: What adds the operations.
        x: The tensor.
        axis: The axis, which has ``size`` elements.
        matrix: The weights.
        name: What the constant is called.
    """
    right = builder.constant(np.ascontiguousarray(matrix.T), name)
    last = x.rank - 1
    if axis == last:
        return builder.add(MatMulV2(), X=x, Y=right)
    order = list(range(x.rank))
    order[axis], order[last] = last, axis
    swap = Transpose2(axis=tuple(order))
    product = builder.add(MatMulV2(), X=builder.add(swap, X=x), Y=right)
    return builder.add(swap, X=product)
