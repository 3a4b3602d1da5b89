"""DetectionOutput in its forms, on the boxes that a small PriorBox makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

import caffe_references
from caffe_layer_cases import CELLS, VARIANCES
from caffe_models import CaffeModel, make_model

BOXES, CLASSES = 60, 3

DEFAULTS = {
    "num_classes": f": {CLASSES}",
    "share_location": ": true",
    "background_label_id": ": 0",
    "keep_top_k": ": 20",
    "confidence_threshold": ": 0.4",
    "nms_param": "{ nms_threshold: 0.4 top_k: 40 }",
}
"""OpenCV has no defaults for most of them."""


@dataclass(frozen=True)
class Detector:
    """A network that ends in DetectionOutput.

    OpenCV does not know code_type CORNER_SIZE, wants prior boxes without variances where the
    targets have them, and fails where keep_top_k or background_label_id is -1. It computes
    ``opencv_param`` then, which means the same with distances in the picture, variances of 1,
    or numbers beyond all boxes and classes.
    """

    type: ClassVar[str] = "DetectionOutput"

    param: str
    opencv_param: str = ""

    def make(self, folder: Path) -> CaffeModel:
        return _make(folder, self.param, VARIANCES)

    def detections_of_opencv(self, folder: Path) -> np.ndarray:
        """The rows (K, 7) that are found in ``sample``, without those that OpenCV fills up with."""
        variances = "variance: 1" if "variance_encoded" in self.param else VARIANCES
        model, feeds = _make(folder, self.opencv_param or self.param, variances), sample()
        if "CORNER_SIZE" in self.param:
            (priors,) = caffe_references.run(
                "opencv", model.prototxt, model.caffemodel, [feeds], ["p"]
            )
            corners = priors["p"][0, 0].reshape(-1, 4)
            sizes = np.tile(corners[:, 2:] - corners[:, :2], 2)
            feeds["loc"] = feeds["loc"] * sizes.reshape(1, -1)
        (answer,) = caffe_references.run("opencv", model.prototxt, model.caffemodel, [feeds], ["d"])
        rows = answer["d"].reshape(-1, 7)
        return rows[rows[:, 2] > 0]

    def __str__(self) -> str:
        return self.param.replace(": ", "-").replace(" ", "_")


def _make(folder: Path, param: str, variances: str) -> CaffeModel:
    given = param
    for name, value in DEFAULTS.items():
        given += "" if name in param else f" {name} {value}"
    priors = (
        'name: "p" type: "PriorBox" bottom: "cells" bottom: "image" top: "p" prior_box_param '
        f"{{ min_size: 12 max_size: 17 aspect_ratio: 2 flip: true clip: false {variances} }}"
    )
    detector = (
        'name: "d" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "p" top: "d" '
        f"detection_output_param {{ {given} }}"
    )
    inputs = {**CELLS, "loc": (1, BOXES * 4), "conf": (1, BOXES * CLASSES)}
    return make_model(folder, inputs, [priors, detector])


def sample() -> dict[str, np.ndarray]:
    """Distances and scores for which some boxes overlap."""
    rng = np.random.default_rng(3)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in CELLS.items()}
    distances = (rng.standard_normal((1, BOXES * 4)) * 0.5).astype(np.float32)
    scores = rng.uniform(0, 1, (1, BOXES * CLASSES)).astype(np.float32)
    return {**zeros, "loc": distances, "conf": scores}


DETECTORS = [
    Detector("code_type: CENTER_SIZE"),
    Detector("code_type: CORNER"),
    Detector("code_type: CORNER_SIZE", "code_type: CORNER"),
    *(
        Detector(f"code_type: {kind} variance_encoded_in_target: true", f"code_type: {twin}")
        for kind, twin in (
            ("CENTER_SIZE", "CENTER_SIZE"),
            ("CORNER", "CORNER"),
            ("CORNER_SIZE", "CORNER"),
        )
    ),
    Detector("code_type: CENTER_SIZE nms_param { nms_threshold: 0.6 top_k: 9 eta: 0.9 }"),
    Detector("code_type: CENTER_SIZE nms_param { nms_threshold: 0.2 }"),
    Detector("code_type: CENTER_SIZE keep_top_k: 4"),
    Detector("code_type: CENTER_SIZE keep_top_k: -1", "code_type: CENTER_SIZE keep_top_k: 999"),
    Detector("code_type: CENTER_SIZE background_label_id: 2"),
    Detector(
        "code_type: CENTER_SIZE background_label_id: -1",
        "code_type: CENTER_SIZE background_label_id: 9",
    ),
    Detector("code_type: CENTER_SIZE confidence_threshold: 0.9"),
    Detector("code_type: CENTER_SIZE clip: true"),
]
