"""Reads NonMaxSuppression."""

from __future__ import annotations

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.suppression import (
    NO_THRESHOLD,
    corners,
    halves,
    of_opposite_corners,
    suppressed,
)
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseSub, Scale


@onnx_op("NonMaxSuppression", since=10)
def non_max_suppression(node: OnnxNode) -> Value:
    boxes, scores = node.input(0), node.input(1)
    if boxes.rank != 3 or scores.rank != 3:
        raise node.unsupported(f"it takes boxes and scores of rank 3, found {boxes}, {scores}")
    limit = node.maybe_whole(2, "number of boxes that a class keeps") or 0
    if limit <= 0:
        raise node.unsupported(
            "its max_output_boxes_per_class is 0, so that it keeps no box. Give it as an input "
            "of the node"
        )
    overlap = node.maybe_number(3, "threshold of the overlap")
    if overlap is not None and not 0 <= overlap <= 1:
        raise node.unsupported(f"its threshold of the overlap is {overlap}; it lies from 0 to 1")
    least = node.maybe_number(4, "threshold of the scores")
    return suppressed(
        node,
        _corners(node, boxes),
        scores,
        limit=limit,
        threshold=0.0 if overlap is None else overlap,
        score_threshold=NO_THRESHOLD if least is None else least,
    )


def _corners(node: OnnxNode, boxes: Value) -> Value:
    """The boxes as starts and ends; y and x stay as they are, the overlap is the same."""
    if node.integer("center_point_box", 0) == 0:
        return of_opposite_corners(node, boxes)
    first, last = halves(node, boxes)
    half = node.add(Relu(), X=node.add(Scale(scale=0.5), X=last))
    start = node.add(ElementwiseSub(), X=first, Y=half)
    return corners(node, start, node.add(ElementwiseAdd(), X=first, Y=half))
