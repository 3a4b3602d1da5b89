"""Writes elements at indices.

The one kernel that all targets share adds at indices. What is to be overwritten is added
to zeros instead and chosen by a mask, so that neither infinities nor rounding get in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.formats.casting import carried, cast
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.shapes import reshape_to, static_shape, unsqueezed
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations.comparison import Where
from opt_tool.ir.operations.elementwise import ElementwiseMax, ElementwiseMin, ElementwiseMul
from opt_tool.ir.operations.indexing import GatherNd, ScatterNdAdd

COMBINED: Mapping[str, Operation] = {
    "mul": ElementwiseMul(),
    "max": ElementwiseMax(),
    "min": ElementwiseMin(),
}
"""Reductions other than adding: the operation of what was there and what is written."""


def scattered(
    node: ImportedNode, x: Value, index: Value, updates: Value, reduction: str = "none"
) -> Value:
    """X with updates written at index (..., K), or added, multiplied, or the extreme kept."""
    if x.rank == 1:  # the kernel takes two dimensions or more
        column, rows = unsqueezed(node, x, (1,)), unsqueezed(node, updates, (updates.rank,))
        return reshape_to(node, scattered(node, column, index, rows, reduction), x.shape)
    if reduction == "add":
        return carried(
            node,
            [x, updates],
            lambda base, new: node.add(ScatterNdAdd(), X=base, Index=index, Updates=new),
            beside=(index,),
        )
    return carried(
        node,
        [x, updates],
        lambda base, new: _overwritten(node, base, index, new, reduction),
        beside=(index,),
    )


def _overwritten(
    node: ImportedNode, x: Value, index: Value, updates: Value, reduction: str
) -> Value:
    """X with updates in place of what is at index, or of what both make of each other."""
    index, updates = _last_of_equal(node, index, updates, reduction)
    if reduction in COMBINED:
        there = node.add(GatherNd(), X=x, Index=index)
        updates = node.add(COMBINED[reduction], X=there, Y=updates)
    elif reduction != "none":
        raise node.unsupported(f"reduction {reduction!r} is not known")
    written = node.add(ScatterNdAdd(), X=_zeros(node, x), Index=index, Updates=updates)
    mask = _written(node, x, index, updates)
    return node.add(Where(), Condition=mask, X=written, Y=x)


def _zeros(node: ImportedNode, x: Value) -> Value:
    shape = node.made_up(*static_shape(node, x, "data"))
    return node.new_constant(np.zeros(shape, x.dtype.numpy), "zeros")


def _last_of_equal(
    node: ImportedNode, index: Value, updates: Value, reduction: str
) -> tuple[Value, Value]:
    """Constant indices without repetitions: the last of equal ones, and its updates.

    ONNX allows no equal indices, onnxruntime takes the last. Indices that are computed
    are taken to differ for overwriting, which is what ONNX demands of them.
    """
    if index.data is None:
        if reduction != "none":
            raise node.unsupported(
                f"reduction {reduction!r} at indices that are known only at run time; "
                "'none' and 'add' are supported there"
            )
        return index, updates
    tuples = index.data.reshape(-1, index.data.shape[-1])
    _, from_behind = np.unique(tuples[::-1], axis=0, return_index=True)
    kept = np.sort(len(tuples) - 1 - from_behind)
    if len(kept) == len(tuples):
        return index, updates
    if reduction != "none":
        raise node.unsupported(f"reduction {reduction!r} at indices of which some are equal")
    lead = index.rank - 1
    merged = reshape_to(node, updates, (len(tuples), *updates.shape[lead:]))
    rows = node.new_constant(kept[:, np.newaxis].astype(np.int64), "kept")
    chosen = node.add(GatherNd(), X=merged, Index=rows)
    return node.new_constant(tuples[kept], "indices"), chosen


def _written(node: ImportedNode, x: Value, index: Value, updates: Value) -> Value:
    """Where something is written, bool in the shape of x."""
    places, written = static_shape(node, x, "data"), static_shape(node, updates, "updates")
    zeros = node.new_constant(np.zeros(node.made_up(*places), np.int32), "unwritten")
    ones = np.ones(node.made_up(*written), np.int32)
    counts = node.add(
        ScatterNdAdd(), X=zeros, Index=index, Updates=node.new_constant(ones, "written")
    )
    return cast(node, counts, DType.BOOL)
