"""Reads the SSD family's PriorBox and DetectionOutput.

Prior boxes depend on shapes only, so that they are constants. DetectionOutput is decoding,
suppression, and a column of zeros in front, the number of the only image. That column is made
by a product with a matrix, which does nothing where nothing is found: the runtime's pad2d for
ARM writes a row then that is not there, and its concat refuses tensors without elements.
"""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.detection import BoxCoder, MulticlassNms
from opt_tool.ir.operations.elementwise import Clip, ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.shape import Unsqueeze2
from opt_tool.kernels.detection import prior_boxes

SAME_RATIO = 1e-6
"""Aspect ratios nearer to each other than this are one."""

DEFAULT_VARIANCE = 0.1

BEHIND_A_ZERO = np.eye(6, 7, k=1, dtype=np.float32)
"""Takes a row of six numbers to one of seven, with a zero in front."""

NO_THRESHOLD = -float(np.finfo(np.float32).max)

# ---- prior boxes


@caffe_layer("PriorBox")
def prior_box(layer: CaffeLayer) -> Value:
    """(1, 2, boxes * 4): the corners of the boxes of each cell, and their variances."""
    param = layer.proto.prior_box_param
    height, width = layer.sizes(layer.planes(0))[2:]
    image = _image_size(layer, param)
    step_h, step_w = _steps(param, image, (height, width))
    rows, columns = (
        (np.arange(count, dtype=np.float64) + param.offset) * step
        for count, step in ((height, step_h), (width, step_w))
    )
    boxes = prior_boxes((rows, columns), _box_sizes(layer, param), image).reshape(-1)
    if param.clip:
        boxes = np.clip(boxes, 0, 1)
    variances = list(param.variance) or [DEFAULT_VARIANCE]
    if len(variances) not in (1, 4):
        raise layer.unsupported(f"{len(variances)} variances; there are one or four")
    repeated = np.resize(np.array(variances, np.float32), boxes.shape)
    return layer.constant(np.stack([boxes, repeated])[np.newaxis], "boxes")


def _image_size(layer: CaffeLayer, param: caffe_pb2.PriorBoxParameter) -> tuple[float, float]:
    if param.HasField("img_size"):
        return param.img_size, param.img_size
    if param.img_h and param.img_w:
        return param.img_h, param.img_w
    height, width = layer.sizes(layer.planes(1))[2:]
    return height, width


def _steps(
    param: caffe_pb2.PriorBoxParameter, image: tuple[float, float], cells: tuple[int, ...]
) -> tuple[float, float]:
    """How far cells are apart, in pixels."""
    if param.HasField("step"):
        return param.step, param.step
    if param.step_h and param.step_w:
        return param.step_h, param.step_w
    return image[0] / cells[0], image[1] / cells[1]


def _box_sizes(layer: CaffeLayer, param: caffe_pb2.PriorBoxParameter) -> list[tuple[float, float]]:
    """The widths and heights of the boxes of one cell, in Caffe's order."""
    if not param.min_size or len(param.max_size) not in (0, len(param.min_size)):
        raise layer.unsupported(
            f"{len(param.min_size)} min_size and {len(param.max_size)} max_size"
        )
    given = (*param.min_size, *param.max_size, *param.aspect_ratio)
    if not all(0 < number < math.inf for number in given):
        raise layer.unsupported("sizes and ratios that are not positive numbers")
    ratios = _aspect_ratios(param)
    sizes = []
    for index, small in enumerate(param.min_size):
        sizes.append((small, small))
        if param.max_size:
            side = math.sqrt(small * param.max_size[index])
            sizes.append((side, side))
        roots = (math.sqrt(ratio) for ratio in ratios)
        sizes.extend((small * root, small / root) for root in roots)
    return sizes


def _aspect_ratios(param: caffe_pb2.PriorBoxParameter) -> list[float]:
    """The ratios other than 1, each once, with their inverses behind them."""
    ratios = [1.0]
    for ratio in param.aspect_ratio:
        if all(abs(ratio - known) >= SAME_RATIO for known in ratios):
            ratios.append(ratio)
            if param.flip:
                ratios.append(1 / ratio)
    return ratios[1:]


# ---- detections


@caffe_layer("DetectionOutput")
def detection_output(layer: CaffeLayer) -> Value:
    """(1, 1, detections, 7): image, label, score and corners.

    Where nothing is found there are no rows; Caffe then makes one of -1.
    """
    param = layer.proto.detection_output_param
    count = _box_count(layer, param)
    boxes = _decoded(layer, param, layer.reshaped(layer.bottom(0), (1, count, 4)))
    if param.clip:
        boxes = layer.add(Clip(min=0.0, max=1.0), X=boxes)
    by_box = layer.reshaped(layer.bottom(1), (1, count, param.num_classes))
    limited = param.HasField("confidence_threshold")
    op = MulticlassNms(
        background_label=param.background_label_id,
        score_threshold=param.confidence_threshold if limited else NO_THRESHOLD,
        nms_top_k=param.nms_param.top_k,
        nms_threshold=param.nms_param.nms_threshold,
        nms_eta=param.nms_param.eta,
        keep_top_k=param.keep_top_k,
    )
    scores = layer.add(Transpose2(axis=(0, 2, 1)), X=by_box)
    found, _ = layer.add_all(op, BBoxes=boxes, Scores=scores)
    rows = layer.add(Fc(), Input=found, W=layer.constant(BEHIND_A_ZERO, "image"))
    # reshape2 leaves a -1 open where there are no rows
    return layer.add(Unsqueeze2(axes=(0, 1)), X=rows)


def _box_count(layer: CaffeLayer, param: caffe_pb2.DetectionOutputParameter) -> int:
    """How many boxes there are; refuses blobs that do not hold as many, and batches."""
    distances, scores, priors = (layer.sizes(layer.bottom(index)) for index in range(3))
    if not param.share_location:
        raise layer.unsupported("share_location: false; Paddle Lite has one box for all classes")
    if distances[0] != 1 or scores[0] != 1:
        raise layer.unsupported(
            f"{distances[0]} images at once; Paddle Lite's rows do not say "
            "from which they are. Make the batch 1 with --input-shape"
        )
    count = math.prod(priors[2:]) // 4
    if math.prod(distances) != count * 4 or math.prod(scores) != count * param.num_classes:
        raise layer.unsupported(
            f"{count} prior boxes do not fit distances {list(distances)} and scores "
            f"{list(scores)} of {param.num_classes} classes"
        )
    return count


def _decoded(
    layer: CaffeLayer, param: caffe_pb2.DetectionOutputParameter, distances: Value
) -> Value:
    """The corners of the boxes, from their distances to the prior boxes."""
    priors = layer.bottom(2)
    if not priors.is_constant:
        raise layer.unsupported("prior boxes that are computed at run time")
    corners, variances = priors.array().reshape(2, -1, 4)
    if param.variance_encoded_in_target:
        variances = np.ones_like(variances)
    kinds = caffe_pb2.PriorBoxParameter
    if param.code_type == kinds.CENTER_SIZE:
        return layer.add(
            BoxCoder(),
            PriorBox=layer.constant(corners, "priors"),
            PriorBoxVar=layer.constant(variances, "variances"),
            TargetBox=distances,
        )
    if param.code_type == kinds.CORNER_SIZE:
        size = corners[:, 2:] - corners[:, :2]
        variances = variances * np.concatenate([size, size], axis=1)
    moved = layer.add(
        ElementwiseMul(), X=distances, Y=layer.constant(variances[np.newaxis], "variances")
    )
    return layer.add(ElementwiseAdd(), X=moved, Y=layer.constant(corners[np.newaxis], "priors"))
