"""Reads operators that write into a tensor: at indices, from a place on, on a diagonal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.formats.broadcasting import expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.picking import part
from opt_tool.formats.shapes import static_shape, transposed, unsqueezed
from opt_tool.formats.tflite.bodies import SECOND, joining
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.writing import scattered
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import Where
from opt_tool.ir.operations.data_movement import Concat, ExpandV2, Slice
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMax, ElementwiseMin

# ---- at indices


@tflite_op("SCATTER_ND")
def scatter_nd(node: TfliteNode) -> Value:
    """Operands: indices, updates, and the shape of what is 0 elsewhere; equal indices add up."""
    zeros = _zeros(node, node.integers(2, "shape"), node.value(1).dtype)
    return scattered(node, zeros, node.value(0), node.value(1), "add")


def _zeros(node: TfliteNode, shape: tuple[int, ...], dtype: DType) -> Value:
    return node.new_constant(np.zeros(node.made_up(*shape), dtype.numpy), "zeros")


@tflite_op("SPARSE_TO_DENSE")
def sparse_to_dense(node: TfliteNode) -> Value:
    """Operands: constant indices, the shape, what is written there, and what is elsewhere."""
    indices, shape = node.constant(0, "indices"), node.integers(1, "shape")
    values = node.value(2)
    count = indices.size // max(len(shape), 1)
    if indices.size != count * len(shape) or values.shape not in ((), (count,)):
        raise node.unsupported(f"{values.type} at indices {list(indices.shape)} of {list(shape)}")
    rows = indices.reshape(-1, len(shape)).astype(np.int64)
    if rows.size and not ((rows >= 0).all() and (rows < np.array(shape)).all()):
        raise node.unsupported(f"indices beyond a shape {list(shape)}")
    other = node.number(3, "default value")
    filled = node.new_constant(np.full(node.made_up(*shape), other, other.dtype), "filled")
    if values.rank == 0:
        values = node.add(ExpandV2(shape=(len(rows),)), X=unsqueezed(node, values, (0,)))
    return scattered(node, filled, node.new_constant(rows, "indices"), values)


REDUCTIONS: Mapping[str, str] = {
    SECOND: "none",
    "ADD": "add",
    "MAXIMUM": "max",
    "MINIMUM": "min",
    "MUL": "mul",
    "MULTIPLY": "mul",
}
"""What ``scattered`` calls what becomes of an element and what is written there."""


@tflite_op("STABLEHLO_SCATTER")
def scatter(node: TfliteNode) -> Value:
    """What TFLite's converter leaves of writing at indices: operands are x, indices, updates.

    The axes of x that are indexed come first, and so do those of the updates that count indices.
    """
    x, index, updates = (node.value(place) for place in range(3))
    reduction = REDUCTIONS.get(joining(node))
    if reduction is None:
        raise node.unsupported("numbers that are joined by another operator than + * max or min")
    indexed, inserted, windows = (
        node.vector(name)
        for name in ("scatter_dims_to_operand_dims", "inserted_window_dims", "update_window_dims")
    )
    if node.integer("index_vector_dim") == index.rank:
        index = unsqueezed(node, index, (index.rank,))
    whole = tuple(axis for axis in range(x.rank) if axis not in indexed)
    batch = tuple(axis for axis in range(updates.rank) if axis not in windows)
    orders = (*indexed, *whole), (*batch, *windows)
    if (
        any(sorted(order) != list(range(len(order))) for order in orders)
        or sorted(inserted) != sorted(indexed)
        or node.integer("index_vector_dim") not in (index.rank - 1, index.rank)
        or index.shape != (*(updates.shape[axis] for axis in batch), len(indexed))
        or [updates.shape[axis] for axis in windows] != [x.shape[axis] for axis in whole]
    ):
        raise node.unsupported(f"parts {updates.type} at {index.type} of {x.type}")
    moved = scattered(
        node, transposed(node, x, orders[0]), index, transposed(node, updates, orders[1]), reduction
    )
    back = tuple(orders[0].index(axis) for axis in range(x.rank))
    return transposed(node, moved, back)


# ---- from a place on


@tflite_op("DYNAMIC_UPDATE_SLICE")
def update_slice(node: TfliteNode) -> Value:
    """Operands: what is written into, what is written, and where that begins on each axis.

    A place from which it would reach beyond the end is moved back.
    """
    x, update, start = (node.value(index) for index in range(3))
    sizes, written = static_shape(node, x, "data"), static_shape(node, update, "update")
    if len(sizes) != len(written) or any(b > a for a, b in zip(sizes, written, strict=True)):
        raise node.unsupported(f"an update {list(written)} of {list(sizes)}")
    if update.shape == x.shape:
        return update
    room = np.array(sizes) - np.array(written)
    if start.is_constant:
        place = np.clip(start.array().reshape(-1), 0, room)
        return _laid_over(node, x, update, [int(first) for first in place], 0)
    axes = int(np.flatnonzero(room).max()) + 1  # behind them the update is as long as x
    first = _within(node, start, room, axes)
    grid = np.moveaxis(np.indices(node.made_up(*written)[:axes], np.int32), 0, -1)
    index = node.add(ElementwiseAdd(), X=node.new_constant(grid, "places"), Y=first)
    return scattered(node, x, index, update)


def _within(node: TfliteNode, start: Value, room: np.ndarray, axes: int) -> Value:
    """The first ``axes`` numbers of ``start``, between 0 and ``room``, in int32."""
    kept = Slice(axes=(0,), starts=(0,), ends=(axes,))
    number = converted(node.builder, node.add(kept, Input=start), DType.FLOAT32)
    least = node.new_constant(np.zeros(axes, np.float32), "least")
    most = node.new_constant(room[:axes].astype(np.float32), "most")
    number = node.add(ElementwiseMax(), X=number, Y=least)
    return converted(node.builder, node.add(ElementwiseMin(), X=number, Y=most), DType.INT32)


def _laid_over(node: TfliteNode, x: Value, update: Value, place: list[int], axis: int) -> Value:
    """X with the update written at a place, of which the axes in front of one are done."""
    if x.shape == update.shape:
        return update
    start, size = place[axis], x.type.static_shape[axis]
    end = start + update.type.static_shape[axis]
    middle = _laid_over(node, part(node, x, axis, start, end), update, place, axis + 1)
    parts = [part(node, x, axis, 0, start), middle, part(node, x, axis, end, size)]
    kept = [each for each in parts if 0 not in each.shape]
    return kept[0] if len(kept) == 1 else node.add(Concat(axis=axis), X=kept)


# ---- on a diagonal


@tflite_op("MATRIX_DIAG")
def matrix_diag(node: TfliteNode) -> Value:
    diagonal = node.value(0)
    size = static_shape(node, diagonal, "diagonals")[-1] if diagonal.rank else 1
    zeros = _zeros(node, (1,) * (diagonal.rank - 1) + (size, size), diagonal.dtype)
    return _on_diagonal(node, zeros, diagonal)


@tflite_op("MATRIX_SET_DIAG")
def matrix_set_diag(node: TfliteNode) -> Value:
    return _on_diagonal(node, node.value(0), node.value(1))


def _on_diagonal(node: TfliteNode, x: Value, diagonal: Value) -> Value:
    """Matrices (..., R, C) with the numbers (..., min(R, C)) on their diagonals."""
    if x.rank < 2 or diagonal.rank != x.rank - 1:
        raise node.unsupported(f"diagonals {diagonal.type} of matrices {x.type}")
    rows, columns = static_shape(node, x, "matrices")[-2:]
    mask = np.eye(*node.made_up(rows, columns), dtype=np.bool_)
    mask = mask.reshape((1,) * (x.rank - 2) + mask.shape)
    across = diagonal.rank - 1 if rows >= columns else diagonal.rank
    numbers = unsqueezed(node, diagonal, (across,))
    where = expanded_together(node.builder, node.new_constant(mask, "mask"), numbers, x)
    return node.add(Where(), Condition=where[0], X=where[1], Y=where[2])
