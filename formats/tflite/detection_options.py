"""What TFLite_Detection_PostProcess is told by its options, a FlexBuffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from opt_tool.errors import DamagedFileError
from opt_tool.formats.flexbuffer import numbers_of_map
from opt_tool.formats.tflite.schema import Operator

POST_PROCESS = "TFLite_Detection_PostProcess"

NEEDED = (
    "max_detections",
    "max_classes_per_detection",
    "num_classes",
    "nms_score_threshold",
    "nms_iou_threshold",
    "y_scale",
    "x_scale",
    "h_scale",
    "w_scale",
)
"""What TensorFlow Lite has no default for."""

USUAL_SCALES = (1e-30, 1e30)
"""Between these lie the scales of every model, and those that float32 divides by."""


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """How boxes are decoded and chosen.

    ``classes_per_box`` is how many classes each box is listed with, where boxes are chosen by
    their best class; with ``by_class`` they are chosen class by class, ``boxes_per_class`` of
    each at most. ``scales`` divide what is said of y, x, height and width.
    """

    most: int
    classes_per_box: int
    boxes_per_class: int
    by_class: bool
    classes: int
    score_threshold: float
    overlap: float
    scales: tuple[float, float, float, float]

    @property
    def rows(self) -> int:
        """How many rows there are for what may be found."""
        return self.most * self.classes_per_box


def detection_options(operator: Operator, path: Path) -> DetectionOptions:
    """The options of the operator.

    Raises:
        DamagedFileError: when they are not whole, or mean nothing.
    """

    def damaged(problem: str) -> DamagedFileError:
        return DamagedFileError(path, f"{POST_PROCESS}: {problem}; export or copy it again")

    found = numbers_of_map(bytes(operator.custom_options), damaged)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise damaged(f"its options do not say {missing[0]}")
    if not all(math.isfinite(number) for number in found.values()):
        raise damaged("its options are not finite")
    scales = tuple(float(found[f"{axis}_scale"]) for axis in "yxhw")
    options = DetectionOptions(
        most=int(found["max_detections"]),
        classes_per_box=int(found["max_classes_per_detection"]),
        boxes_per_class=int(found.get("detections_per_class", 100)),
        by_class=bool(found.get("use_regular_nms", False)),
        classes=int(found["num_classes"]),
        score_threshold=float(found["nms_score_threshold"]),
        overlap=float(found["nms_iou_threshold"]),
        scales=(scales[0], scales[1], scales[2], scales[3]),
    )
    counts = options.most, options.classes_per_box, options.boxes_per_class, options.classes
    if (
        min(counts) < 1
        or not 0 < options.overlap <= 1
        or not USUAL_SCALES[0] < min(scales) <= max(scales) < USUAL_SCALES[1]
    ):
        raise damaged(f"its options mean nothing ({options})")
    return options
