"""Reads operators that write at indices: ScatterND, ScatterElements, TensorScatter.

The one kernel that all targets share adds at indices. What is to be overwritten is added
to zeros instead and chosen by a mask, so that neither infinities nor rounding get in.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import cast
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.indexing import linear_positions
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import counted_tuples
from opt_tool.formats.shapes import flat, reshape_to, static_shape, unsqueezed
from opt_tool.formats.writing import scattered
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseMod,
)


@onnx_op("ScatterND", since=11)
def scatter_nd(node: OnnxNode) -> Value:
    x, index, updates = (node.input(position) for position in range(3))
    return scattered(node, x, counted_tuples(node, index, x), updates, _reduction(node))


@onnx_op("Scatter", since=9)
@onnx_op("ScatterElements", since=11)
def scatter_elements(node: OnnxNode) -> Value:
    x, index, updates = (node.input(position) for position in range(3))
    axis = node.axis(node.integer("axis", 0), x.rank)
    positions = linear_positions(node, x, index, axis)
    tuples = unsqueezed(node, positions, (1,))
    written = scattered(node, flat(node, x), tuples, flat(node, updates), _reduction(node))
    return reshape_to(node, written, x.shape)


def _reduction(node: OnnxNode) -> str:
    return node.text("reduction", "none")


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
