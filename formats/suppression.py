"""Suppression of boxes that overlap, as the source formats have it, by multiclass_nms2.

Paddle Lite limits the candidates of a class before suppression, or what an image keeps after
it; the formats limit what a class keeps. Where each class is an image of its own the two are
the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.casting import cast
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.indices import size_of
from opt_tool.formats.picking import part
from opt_tool.formats.shapes import reshape_to, unsqueezed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import LessEqual
from opt_tool.ir.operations.data_movement import Concat, ExpandV2, Tile
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseFloorDiv,
    ElementwiseMax,
    ElementwiseMin,
    ElementwiseMod,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.reduction import ReduceProd
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.ir.types import multiply

NO_THRESHOLD = -float(np.finfo(np.float32).max)
"""All scores are above this one."""

NO_LIMIT = -1

MOST = 2**31 - 1
"""No file has more boxes."""

FAR = 1e15
"""Farther than any box is large, and no overflow in the square."""


def halves(node: ImportedNode, boxes: Value) -> tuple[Value, Value]:
    """The first two and the last two numbers of boxes (N, M, 4)."""
    return part(node, boxes, 2, 0, 2), part(node, boxes, 2, 2, 4)


def of_opposite_corners(node: ImportedNode, boxes: Value) -> Value:
    """The corners of boxes (N, M, 4) of which any two that lie opposite are given."""
    first, last = halves(node, boxes)
    start = node.add(ElementwiseMin(), X=first, Y=last)
    return corners(node, start, node.add(ElementwiseMax(), X=first, Y=last))


def corners(node: ImportedNode, start: Value, end: Value) -> Value:
    """Boxes (N, M, 4) from starts and ends (N, M, 2), of which none without an area overlaps.

    The runtime divides 0 by 0 for two boxes without an area at one place, and drops the second.
    Turned inside out, a box is apart from all.
    """
    area = node.add(
        ReduceProd(dim=(2,), keep_dim=True), X=node.add(ElementwiseSub(), X=end, Y=start)
    )
    nothing = node.new_constant(np.zeros((1, 1, 1), np.float32), "nothing")
    empty = compare(node.builder, LessEqual(), area, nothing)
    far = node.add(Scale(scale=FAR), X=cast(node, empty, DType.FLOAT32))
    return node.add(
        Concat(axis=2),
        X=(
            node.add(ElementwiseAdd(), X=start, Y=far),
            node.add(ElementwiseSub(), X=end, Y=far),
        ),
    )


class Parts(NamedTuple):
    """Boxes (P, M, 4) and scores (P, 1, M) of which each class is an image of its own."""

    boxes: Value
    scores: Value


def by_class(node: ImportedNode, boxes: Value, scores: Value, classes: int) -> Parts:
    """Boxes (N, M, 4) and scores (N, C, M) with P = N * C images."""
    if classes == 1:
        return Parts(boxes, scores)
    images, _, count = scores.shape
    repeats = Tile(repeat_times=(1, classes, 1, 1))
    repeated = node.add(repeats, X=unsqueezed(node, boxes, (1,)))
    parts = multiply(images, classes)
    return Parts(
        reshape_to(node, repeated, (parts, count, 4)), reshape_to(node, scores, (parts, 1, count))
    )


def suppressed(
    node: ImportedNode,
    boxes: Value,
    scores: Value,
    *,
    limit: int,
    threshold: float,
    score_threshold: float,
) -> Value:
    """Rows (K, 3) int64 of image, class and box, by image, class and falling score.

    Args:
        node: The node being read.
        boxes: (N, M, 4), as ``corners`` makes them.
        scores: (N, C, M).
        limit: How many boxes a class keeps at most.
        threshold: The overlap above which the box with the lower score is dropped.
        score_threshold: The score that a box must be above.
    """
    classes = scores.shape[1]
    if not isinstance(classes, int):
        raise node.unsupported("how many classes it has is known only at run time")
    parts = by_class(node, boxes, scores, classes)
    op = MulticlassNms(
        background_label=-1,
        score_threshold=score_threshold,
        nms_threshold=threshold,
        keep_top_k=limit if limit < MOST else NO_LIMIT,
    )
    _, places = node.add_all(op, BBoxes=parts.boxes, Scores=parts.scores)
    return rows_at(node, places, parts, classes)


def rows_at(node: ImportedNode, places: Value, parts: Parts, classes: int) -> Value:
    """Image, class and box (K, 3) int64 of places (K, 1) among the parts' boxes.

    Where nothing is found the runtime ends in operations that broadcast, so that rows of
    constants are gathered instead.
    """
    count = size_of(node, parts.scores, 2, DType.INT64)
    zeros = node.add(Squeeze2(axes=(1,)), X=node.add(Scale(scale=0.0), X=places))
    number = node.add(ExpandV2(shape=(-1, 3)), X=cast(node, places, DType.INT64))
    divisors = _of_count(node, count, (classes, 1, 0), (0, 0, 1))
    sizes = _of_count(node, count, (0, 0, 1), (MOST, classes, 0))
    quotients = node.add(
        ElementwiseFloorDiv(), X=number, Y=node.add(Gather(axis=0), X=divisors, Index=zeros)
    )
    rests = node.add(Gather(axis=0), X=sizes, Index=zeros)
    return node.add(ElementwiseMod(), X=quotients, Y=rests)


def _of_count(
    node: ImportedNode, count: Value, factors: tuple[int, ...], terms: tuple[int, ...]
) -> Value:
    """A row of count * factor + term."""
    product = node.add(ElementwiseMul(), X=_row(node, factors), Y=count)
    return node.add(ElementwiseAdd(), X=product, Y=_row(node, terms))


def _row(node: ImportedNode, numbers: tuple[int, ...]) -> Value:
    return node.new_constant(np.array([numbers], np.int64), "row")
