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

MOST_TURNS = 100
"""How often the same element may be written with such a reduction: each is a pass over x."""


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
    turns = _turns(index) if reduction in COMBINED else None
    if turns is not None and turns.max() > 0:
        return _combined_in_turn(node, x, (index, updates), turns, reduction)
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
    return _chosen(node, index, updates, kept)


def _chosen(
    node: ImportedNode, index: Value, updates: Value, rows: np.ndarray
) -> tuple[Value, Value]:
    """Some of constant indices (..., K), as (rows, K), and their updates."""
    tuples = index.array().reshape(-1, int(index.shape[-1]))
    merged = reshape_to(node, updates, (len(tuples), *updates.shape[index.rank - 1 :]))
    places = node.new_constant(rows[:, np.newaxis].astype(np.int64), "kept")
    chosen = node.add(GatherNd(), X=merged, Index=places)
    return node.new_constant(tuples[rows], "indices"), chosen


def _turns(index: Value) -> np.ndarray | None:
    """How many equal indices stand in front of each constant one."""
    if index.data is None or index.data.size == 0:
        return None
    tuples = index.data.reshape(-1, index.data.shape[-1])
    _, kinds = np.unique(tuples, axis=0, return_inverse=True)
    return equals_before(kinds.reshape(-1))


def equals_before(numbers: np.ndarray) -> np.ndarray:
    """How many equal numbers stand in front of each, of whole ones that are not negative."""
    sizes = np.bincount(numbers)
    counts = np.empty(len(numbers), np.int64)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    counts[np.argsort(numbers, kind="stable")] = np.arange(len(numbers)) - first
    return counts


def _combined_in_turn(
    node: ImportedNode,
    x: Value,
    written: tuple[Value, Value],
    turns: np.ndarray,
    reduction: str,
) -> Value:
    """X with what indices and updates make of it, equal indices one after the other."""
    if turns.max() >= MOST_TURNS:
        raise node.unsupported(
            f"reduction {reduction!r} at indices of which {turns.max() + 1} are equal; up to "
            f"{MOST_TURNS} are possible"
        )
    for turn in range(turns.max() + 1):
        index, updates = _chosen(node, *written, np.flatnonzero(turns == turn))
        x = _overwritten(node, x, index, updates, reduction)
    return x


def _written(node: ImportedNode, x: Value, index: Value, updates: Value) -> Value:
    """Where something is written, bool in the shape of x."""
    places, written = static_shape(node, x, "data"), static_shape(node, updates, "updates")
    zeros = node.new_constant(np.zeros(node.made_up(*places), np.int32), "unwritten")
    ones = np.ones(node.made_up(*written), np.int32)
    counts = node.add(
        ScatterNdAdd(), X=zeros, Index=index, Updates=node.new_constant(ones, "written")
    )
    return cast(node, counts, DType.BOOL)
