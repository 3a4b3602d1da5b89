"""Reads operators that write at indices: ScatterND, ScatterElements, TensorScatter.

The one kernel that all targets share adds at indices. What is to be overwritten is added
to zeros instead and chosen by a mask, so that neither infinities nor rounding get in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.formats.onnx.casting import carried, cast
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.indexing import (
    counted_tuples,
    flat,
    linear_positions,
    static_shape,
)
from opt_tool.formats.onnx.operators.shape import reshape_to, unsqueezed
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations.comparison import Where
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseMax,
    ElementwiseMin,
    ElementwiseMod,
    ElementwiseMul,
)
from opt_tool.ir.operations.indexing import GatherNd, ScatterNdAdd

COMBINED: Mapping[str, Operation] = {
    "mul": ElementwiseMul(),
    "max": ElementwiseMax(),
    "min": ElementwiseMin(),
}
"""Reductions other than adding: the operation of what was there and what is written."""


@onnx_op("ScatterND", since=11)
def scatter_nd(node: OnnxNode) -> Value:
    x, index, updates = (node.input(position) for position in range(3))
    return scattered(node, x, counted_tuples(node, index, x), updates)


@onnx_op("Scatter", since=9)
@onnx_op("ScatterElements", since=11)
def scatter_elements(node: OnnxNode) -> Value:
    x, index, updates = (node.input(position) for position in range(3))
    axis = node.axis(node.integer("axis", 0), x.rank)
    positions = linear_positions(node, x, index, axis)
    tuples = unsqueezed(node, positions, (1,))
    return reshape_to(node, scattered(node, flat(node, x), tuples, flat(node, updates)), x.shape)


def scattered(node: OnnxNode, x: Value, index: Value, updates: Value) -> Value:
    """X with updates written at index (..., K) as the node's ``reduction`` says."""
    if x.rank == 1:  # the kernel takes two dimensions or more
        column, rows = unsqueezed(node, x, (1,)), unsqueezed(node, updates, (updates.rank,))
        return reshape_to(node, scattered(node, column, index, rows), x.shape)
    reduction = node.text("reduction", "none")
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


def _overwritten(node: OnnxNode, x: Value, index: Value, updates: Value, reduction: str) -> Value:
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


def _zeros(node: OnnxNode, x: Value) -> Value:
    shape = node.made_up(*static_shape(node, x, "data"))
    return node.new_constant(np.zeros(shape, x.dtype.numpy), "zeros")


def _last_of_equal(
    node: OnnxNode, index: Value, updates: Value, reduction: str
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


def _written(node: OnnxNode, x: Value, index: Value, updates: Value) -> Value:
    """Where something is written, bool in the shape of x."""
    places, written = static_shape(node, x, "data"), static_shape(node, updates, "updates")
    zeros = node.new_constant(np.zeros(node.made_up(*places), np.int32), "unwritten")
    ones = np.ones(node.made_up(*written), np.int32)
    counts = node.add(
        ScatterNdAdd(), X=zeros, Index=index, Updates=node.new_constant(ones, "written")
    )
    return cast(node, counts, DType.BOOL)


# ---- TensorScatter


@onnx_op("TensorScatter", since=24)
def tensor_scatter(node: OnnxNode) -> Value:
    """Write updates into a cache from a position on that each batch has its own of."""
    cache, updates, first = node.input(0), node.input(1), node.maybe(2)
    axis = node.axis(node.integer("axis", -2), cache.rank)
    mode = node.text("mode", "linear")
    if axis == 0 or mode not in ("linear", "circular"):
        raise node.unsupported(f"axis {axis}, mode {mode!r}; the axis must not be the batch")
    places = node.made_up(*static_shape(node, updates, "updates")[: axis + 1])
    grid = np.moveaxis(np.indices(places, np.int64), 0, -1)
    along = node.new_constant(np.ascontiguousarray(grid[..., axis:]), "position")
    if first is not None:
        start = reshape_to(node, cast(node, first, DType.INT64), (places[0], *(1,) * (axis + 1)))
        along = node.add(ElementwiseAdd(), X=along, Y=start)
    if mode == "circular":
        size = node.new_constant(np.full(1, cache.shape[axis], np.int64), "size")
        along = node.add(ElementwiseMod(), X=along, Y=size)
    before = node.new_constant(np.ascontiguousarray(grid[..., :axis]), "places")
    index = node.add(Concat(axis=axis + 1), X=(before, along))
    return scattered(node, cache, index, updates)
