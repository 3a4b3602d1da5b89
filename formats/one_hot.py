"""Writes one number at the places that indices name, and another everywhere else."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.creation import OneHotV2
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul


def hot(node: ImportedNode, indices: Value, depth: int, dtype: DType) -> Value:
    """1 at the indices along a new last dimension, else 0; indices outside are nowhere."""
    op = OneHotV2(depth=depth, dtype=dtype, allow_out_of_range=True)
    return node.add(op, X=indices)


def between(node: ImportedNode, marks: Value, values: np.ndarray) -> Value:
    """The first of two values where ``marks`` is 0, the second where it is 1."""
    if values.tolist() == [0, 1]:
        return marks
    spread = node.new_constant((values[1:] - values[:1]).astype(values.dtype), "spread")
    base = node.new_constant(values[:1], "off")
    scaled = node.add(ElementwiseMul(), X=marks, Y=spread)
    return node.add(ElementwiseAdd(), X=scaled, Y=base)
