"""Reads the suppression of boxes, which lists those that stay in a fixed number of rows.

TFLite_Detection_PostProcess leaves in the rows that it does not use what lay in memory; here
they are 0, as they are in its class-by-class form.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import cast
from opt_tool.formats.indices import size_of
from opt_tool.formats.picking import part
from opt_tool.formats.shapes import reshape_to, static_shape, transposed
from opt_tool.formats.suppression import (
    NO_THRESHOLD,
    by_class,
    halves,
    of_opposite_corners,
    rows_at,
)
from opt_tool.formats.tflite.detection_options import (
    POST_PROCESS,
    DetectionOptions,
    detection_options,
)
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.data_movement import Concat, Slice, Tile
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseMul,
    ElementwiseSub,
    Exp,
)
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.reduction import TopKV2
from opt_tool.ir.operations.shape import Reshape2, Squeeze2


@tflite_op(POST_PROCESS)
def detection_post_process(node: TfliteNode) -> list[Value]:
    """Operands: what is said of boxes (1, M, 4), scores (1, M, C), anchors (M, 4)."""
    options = detection_options(node.proto, node.reader.path)
    said, scores = node.value(0), node.value(1)
    boxes = _decoded(node, options, said, node.constant(2, "anchors"))
    classes = _classes(node, options, scores, boxes)
    if options.by_class:
        return _chosen_by_class(node, options, boxes, classes)
    return _chosen_by_best(node, options, boxes, classes)


@tflite_op("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def non_max_suppression(node: TfliteNode) -> list[Value]:
    """Operands: boxes (M, 4), scores (M,), how many to keep, thresholds of overlap and score.

    The places of boxes, in V5 their scores, with 0 behind them, and how many they are. A box is
    dropped where it overlaps by the threshold already.
    """
    scored = node.operator.endswith("V5")
    if scored and node.number(5, "sigma") != 0:
        raise node.unsupported("it lowers the scores of boxes that overlap; Paddle Lite drops them")
    boxes, scores, most = node.value(0), node.value(1), node.whole(2, "number of boxes to keep")
    count, *_ = static_shape(node, boxes, "boxes") or (0,)
    if boxes.shape != (count, 4) or scores.shape != (count,) or count == 0 or most < 1:
        raise node.unsupported(f"boxes {boxes.type} and scores {scores.type}, of which {most} stay")
    node.made_up(most)
    op = MulticlassNms(
        background_label=-1,
        score_threshold=float(node.number(4, "threshold of the scores")),
        nms_threshold=_just_below(float(node.number(3, "threshold of the overlap"))),
        keep_top_k=most,
    )
    rows, number = node.add_all(
        op,
        BBoxes=of_opposite_corners(node, reshape_to(node, boxes, (1, count, 4))),
        Scores=reshape_to(node, scores, (1, 1, count)),
    )
    listed = [number, part(node, rows, 1, 1, 2)] if scored else [number]
    found = node.add(Squeeze2(axes=(0,)), X=size_of(node, number, 0, DType.INT32))
    return [*(_cut(node, _filled(node, each, most), (most,)) for each in listed), found]


# ---- what is chosen from


def _decoded(
    node: TfliteNode, options: DetectionOptions, said: Value, anchors: np.ndarray
) -> Value:
    """Corners y, x, y, x (1, M, 4) from centres and sizes said in terms of the anchors' ones."""
    if anchors.ndim != 2 or anchors.shape[1] != 4 or anchors.size == 0:
        raise node.unsupported(f"anchors of shape {list(anchors.shape)}; they are (M, 4)")
    if static_shape(node, said, "boxes") != (1, len(anchors), 4):
        raise node.unsupported(f"boxes {said.type} do not fit anchors {list(anchors.shape)}")
    scales = np.array(options.scales)
    with np.errstate(all="ignore"):  # what is not finite stays so
        middles, sizes = anchors[:, :2], anchors[:, 2:].astype(np.float64)
        steps, half_sizes = sizes / scales[:2], sizes / 2

    def constant(numbers: np.ndarray, what: str) -> Value:
        with np.errstate(all="ignore"):
            return node.new_constant(numbers[np.newaxis].astype(np.float32), what)

    moves, growths = halves(node, said)
    moved = node.add(ElementwiseMul(), X=moves, Y=constant(steps, "steps"))
    center = node.add(ElementwiseAdd(), X=moved, Y=constant(middles, "centers"))
    powers = node.add(ElementwiseMul(), X=growths, Y=constant(1 / scales[np.newaxis, 2:], "scales"))
    ratios = node.add(Exp(), X=powers)
    half = node.add(ElementwiseMul(), X=ratios, Y=constant(half_sizes, "half_sizes"))
    start = node.add(ElementwiseSub(), X=center, Y=half)
    return node.add(Concat(axis=2), X=(start, node.add(ElementwiseAdd(), X=center, Y=half)))


def _classes(node: TfliteNode, options: DetectionOptions, scores: Value, boxes: Value) -> Value:
    """The scores (1, M, C) without those of the background, which come first where there are."""
    sizes = static_shape(node, scores, "scores")
    if sizes[:-1] != boxes.shape[:2] or sizes[-1] - options.classes not in (0, 1):
        raise node.unsupported(
            f"scores {scores.type} do not fit {boxes.shape[1]} boxes of {options.classes} classes"
        )
    most = 1 if options.by_class else options.classes
    if options.classes_per_box > most:
        raise node.unsupported(
            f"it lists each box with {options.classes_per_box} classes; {most} at most are "
            "supported in this form"
        )
    node.made_up(options.rows, 4)
    if sizes[-1] == options.classes:
        return scores
    return node.add(Slice(axes=(2,), starts=(1,), ends=(sizes[-1],)), Input=scores)


def _suppression(options: DetectionOptions, most: int) -> MulticlassNms:
    """Keeps scores that reach the threshold; the runtime's are above its own."""
    return MulticlassNms(
        background_label=-1,
        score_threshold=_just_below(options.score_threshold),
        nms_threshold=options.overlap,
        keep_top_k=most,
    )


def _just_below(threshold: float) -> float:
    """What the same numbers are above that reach the threshold."""
    with np.errstate(over="ignore"):  # a number that float32 lacks is infinite
        return float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))


# ---- by the best class of each box


def _chosen_by_best(
    node: TfliteNode, options: DetectionOptions, boxes: Value, scores: Value
) -> list[Value]:
    listed, most = options.classes_per_box, options.most
    values, labels = node.add_all(TopKV2(k=listed, axis=2), X=scores)
    best = node.add(Slice(axes=(2,), starts=(0,), ends=(1,)), Input=values)
    count = boxes.shape[1]
    assert isinstance(count, int)
    turned = node.add(Reshape2(shape=(1, 1, count)), X=best)
    rows, number = node.add_all(_suppression(options, most), BBoxes=boxes, Scores=turned)
    places = node.add(Squeeze2(axes=(1,)), X=number)

    def of_found(table: Value) -> Value:
        matrix = node.add(Reshape2(shape=(count, listed)), X=table)
        found = node.add(Gather(axis=0), X=matrix, Index=places)
        return _cut(node, _filled(node, found, most), (1, most * listed))

    corners = _cut(node, _filled(node, part(node, rows, 1, 2, 6), most), (1, most, 1, 4))
    if listed > 1:
        corners = node.add(Tile(repeat_times=(1, 1, listed, 1)), X=corners)
    return [
        node.add(Reshape2(shape=(1, most * listed, 4)), X=corners),
        of_found(cast(node, labels, DType.FLOAT32)),
        of_found(values),
        size_of(node, number, 0, DType.FLOAT32),
    ]


# ---- class by class


def _chosen_by_class(
    node: TfliteNode, options: DetectionOptions, boxes: Value, scores: Value
) -> list[Value]:
    """Each class keeps its best boxes, and the best of all are listed by falling score."""
    most, count = options.most, boxes.shape[1]
    assert isinstance(count, int)
    turned = transposed(node, scores, (0, 2, 1))
    apart = by_class(node, boxes, turned, options.classes)
    op = _suppression(options, min(options.boxes_per_class, most))
    rows, number = node.add_all(op, BBoxes=apart.boxes, Scores=apart.scores)
    found = part(node, rows, 1, 1, 2)
    order = _best_first(node, found, most)

    def in_order(values: Value, shape: tuple[int, ...]) -> Value:
        table = _filled(node, values, most)
        return node.add(Reshape2(shape=shape), X=node.add(Gather(axis=0), X=table, Index=order))

    labels = part(node, rows_at(node, number, apart, options.classes), 1, 1, 2)
    return [
        in_order(part(node, rows, 1, 2, 6), (1, options.rows, 4)),
        in_order(cast(node, labels, DType.FLOAT32), (1, options.rows)),
        in_order(found, (1, options.rows)),
        node.add(Clip(min=0.0, max=float(most)), X=size_of(node, number, 0, DType.FLOAT32)),
    ]


# ---- rows


def _best_first(node: TfliteNode, found: Value, most: int) -> Value:
    """The places of the ``most`` best scores (K, 1), and behind them of rows that are not used."""
    least = node.new_constant(np.full((most, 1), NO_THRESHOLD, np.float32), "least")
    filled = node.add(Concat(axis=0), X=(found, least))
    vector = node.add(Squeeze2(axes=(1,)), X=filled)
    return node.add_all(TopKV2(k=most, axis=0), X=vector)[1]


def _filled(node: TfliteNode, rows: Value, more: int) -> Value:
    """Rows (K, W) with more of them, which are 0."""
    width = rows.shape[1]
    assert isinstance(width, int)
    zeros = node.new_constant(np.zeros((more, width), rows.dtype.numpy), "unused")
    return node.add(Concat(axis=0), X=(rows, zeros))


def _cut(node: TfliteNode, rows: Value, shape: tuple[int, ...]) -> Value:
    """As many of the first rows as are in a shape, in that shape."""
    width = rows.shape[1]
    assert isinstance(width, int)
    end = int(np.prod(shape)) // width
    first = node.add(Slice(axes=(0,), starts=(0,), ends=(end,)), Input=rows)
    return node.add(Reshape2(shape=shape), X=first)
