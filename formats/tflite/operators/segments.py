"""Reads what is computed of the rows of each segment; which rows those are must be constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.formats.picking import gathered
from opt_tool.formats.shapes import reshape_to, static_shape
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.writing import equals_before, scattered
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.reduction import ReduceMax, ReduceMin, ReduceProd, Reduction
from opt_tool.ir.types import product


def _lowest(dtype: np.dtype) -> float:
    return np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: np.dtype) -> float:
    return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


@tflite_op("SEGMENT_SUM")
def segment_sum(node: TfliteNode) -> Value:
    segments = node.constant(1, "segments")
    return _summed(node, segments, int(segments.max(initial=-1)) + 1)


@tflite_op("UNSORTED_SEGMENT_SUM")
def unsorted_segment_sum(node: TfliteNode) -> Value:
    return _summed(node, node.constant(1, "segments"), node.whole(2, "count"))


def _summed(node: TfliteNode, segments: np.ndarray, count: int) -> Value:
    x = node.value(0)
    _check(node, segments, count)
    shape = node.made_up(count, *static_shape(node, x, "data")[1:])
    zeros = node.new_constant(np.zeros(shape, x.dtype.numpy), "zeros")
    index = node.new_constant(segments.astype(np.int64)[:, np.newaxis], "segments")
    return scattered(node, zeros, index, x, "add")


def _check(node: TfliteNode, segments: np.ndarray, count: int) -> None:
    rows = node.value(0).shape[:1]
    named = segments.ndim == 1 and segments.dtype.kind in "iu" and rows == segments.shape
    if not named or not 0 <= segments.min(initial=0) <= segments.max(initial=0) < count:
        shown = segments.reshape(-1)[:4].tolist()
        raise node.unsupported(f"{node.value(0).type} in segments {shown} of {count}")


REDUCTIONS: Mapping[str, tuple[type[Reduction], Callable[[np.dtype], float]]] = {
    "UNSORTED_SEGMENT_MAX": (ReduceMax, _lowest),
    "UNSORTED_SEGMENT_MIN": (ReduceMin, _highest),
    "UNSORTED_SEGMENT_PROD": (ReduceProd, lambda _: 1),
}
"""How the rows of a segment are joined, and what a segment without rows holds."""


@tflite_op(*REDUCTIONS)
def unsorted_segment(node: TfliteNode) -> Value:
    """The rows of each segment side by side, filled up with what changes nothing."""
    x, segments, count = node.value(0), node.constant(1, "segments"), node.whole(2, "count")
    _check(node, segments, count)
    rows, *rest = static_shape(node, x, "data")
    places = _places(node, segments, count, rows)
    kind, filler = REDUCTIONS[node.operator]
    flat = reshape_to(node, x, (rows, product(tuple(rest))))
    dtype = x.dtype.numpy
    row = np.full(node.made_up(1, *flat.type.static_shape[1:]), filler(dtype), dtype)
    picked = gathered(
        node,
        node.add(Concat(axis=0), X=[flat, node.new_constant(row, "empty")]),
        node.new_constant(places.reshape(-1).astype(np.int32), "rows"),
        0,
    )
    beside = reshape_to(node, picked, (*places.shape, *flat.shape[1:]))
    return reshape_to(node, node.add(kind(dim=(1,)), X=beside), (count, *rest))


def _places(node: TfliteNode, segments: np.ndarray, count: int, empty: int) -> np.ndarray:
    """The rows of each segment (count, most); ``empty`` stands where there are no more."""
    sizes = np.bincount(segments, minlength=count)
    most = max(int(sizes.max(initial=0)), 1)
    places = np.full(node.made_up(count, most), empty)
    places[segments, equals_before(segments)] = np.arange(len(segments))
    return places
