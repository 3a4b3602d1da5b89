"""TFLite models that end in TFLite_Detection_PostProcess."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from flatbuffers import flexbuffers

from opt_tool.formats.tflite.detection_options import POST_PROCESS
from tflite_models import Made, Op

OUTPUTS = ("boxes", "classes", "scores", "count")

USUAL: Mapping[str, float] = {
    "max_detections": 5,
    "max_classes_per_detection": 1,
    "detections_per_class": 100,
    "use_regular_nms": False,
    "nms_score_threshold": 0.1,
    "nms_iou_threshold": 0.5,
    "num_classes": 3,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def options_of(given: Mapping[str, float]) -> bytes:
    """Options as TensorFlow's converter writes them."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in given.items():
            if isinstance(value, bool):
                builder.Bool(name, value)
            elif isinstance(value, int):
                builder.Int(name, value)
            else:
                builder.Float(name, value)
    return bytes(builder.Finish())


def detector(boxes: int = 12, *, background: int = 1, seed: int = 0, **given: float) -> Made:
    """A model of this operator alone, with random boxes and scores.

    Args:
        boxes: How many there are to choose from.
        background: How many classes in front are not listed.
        seed: Of the random numbers.
        given: Options that are not the usual ones.
    """
    rng = np.random.default_rng(seed)
    options = {**USUAL, **given}
    classes = int(options["num_classes"]) + background
    rows = int(options["max_detections"] * options["max_classes_per_detection"])
    op = Op(
        "CUSTOM",
        ["said", "likely", "anchors"],
        OUTPUTS,
        custom_code=POST_PROCESS,
        custom_options=options_of(options),
    )
    return Made(
        [op],
        {
            "said": rng.standard_normal((1, boxes, 4)).astype(np.float32),
            "likely": rng.uniform(0, 1, (1, boxes, classes)).astype(np.float32),
        },
        {"anchors": rng.uniform(0.1, 0.5, (boxes, 4)).astype(np.float32)},
        OUTPUTS,
        shapes={"boxes": (1, rows, 4), "classes": (1, rows), "scores": (1, rows), "count": (1,)},
    )
