"""PriorBox and DetectionOutput in their forms, on small blobs; the models have the usual ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import caffe_references
from caffe_models import CaffeModel, make_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.caffe import read
from opt_tool.runtime import Executor, Settings

CELLS = {"cells": (1, 4, 3, 5), "image": (1, 3, 30, 40)}
SIZES = "min_size: 6 min_size: 9 max_size: 12 max_size: 20"
VARIANCES = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.3"
PRIORS = [
    f"{SIZES} aspect_ratio: 2 aspect_ratio: 3 flip: true clip: false {VARIANCES}",
    "min_size: 7 aspect_ratio: 2 aspect_ratio: 3 flip: false clip: false variance: 0.2",
    "min_size: 20 flip: true clip: true variance: 0.2",
    "min_size: 7 flip: true clip: false step: 8 offset: 0.3 variance: 0.2",
    "min_size: 7 flip: true clip: false step_h: 8 step_w: 9 variance: 0.2",
]
"""OpenCV has no defaults for most of them."""


def make_priors(folder: Path, param: str) -> CaffeModel:
    layer = (
        'name: "p" type: "PriorBox" bottom: "cells" bottom: "image" top: "p" '
        f"prior_box_param {{ {param} }}"
    )
    return make_model(folder, CELLS, [layer])


@pytest.mark.parametrize("param", PRIORS)
def test_prior_boxes_are_opencvs(tmp_path: Path, param: str) -> None:
    caffe_references.need("opencv")
    model = make_priors(tmp_path, param)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in CELLS.items()}
    (wanted,) = caffe_references.run("opencv", model.prototxt, model.caffemodel, [zeros], ["p"])
    found = Executor(read(model.prototxt, model.caffemodel), Settings()).run({})["p"]
    assert found.shape == wanted["p"].shape
    np.testing.assert_allclose(found, wanted["p"], rtol=1e-5, atol=1e-6)


DEFAULTS = {
    "share_location": ": true",
    "background_label_id": ": 0",
    "keep_top_k": ": 50",
    "nms_param": "{ nms_threshold: 0.4 top_k: 40 }",
}

FORMS = [
    "code_type: CENTER_SIZE",
    "code_type: CORNER",
    "code_type: CENTER_SIZE nms_param { nms_threshold: 0.6 top_k: 9 eta: 0.9 }",
    "code_type: CENTER_SIZE keep_top_k: 4",
    "code_type: CENTER_SIZE clip: true",
]


def make_detector(folder: Path, param: str) -> CaffeModel:
    given = param
    for name, value in DEFAULTS.items():
        given += "" if name in param else f" {name} {value}"
    inputs = {**CELLS, "loc": (1, 240), "conf": (1, 180)}
    layers = [
        (
            'name: "p" type: "PriorBox" bottom: "cells" bottom: "image" top: "p" '
            "prior_box_param { min_size: 12 max_size: 17 aspect_ratio: 2 flip: true clip: false "
            f"{VARIANCES} }}"
        ),
        (
            'name: "d" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "p" top: "d" '
            "detection_output_param { num_classes: 3 confidence_threshold: 0.4 "
            f"{given} }}"
        ),
    ]
    return make_model(folder, inputs, layers)


def sample() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in CELLS.items()}
    loc = (rng.standard_normal((1, 240)) * 0.5).astype(np.float32)
    return {**zeros, "loc": loc, "conf": rng.uniform(0, 1, (1, 180)).astype(np.float32)}


@pytest.mark.parametrize("param", FORMS)
def test_detections_are_opencvs(tmp_path: Path, param: str) -> None:
    caffe_references.need("opencv")
    model, feeds = make_detector(tmp_path, param), sample()
    (answer,) = caffe_references.run("opencv", model.prototxt, model.caffemodel, [feeds], ["d"])
    wanted = answer["d"].reshape(-1, 7)
    wanted = wanted[wanted[:, 2] > 0]
    graph = read(model.prototxt, model.caffemodel)
    names = [value.name for value in graph.inputs]
    found = Executor(graph, Settings()).run({name: feeds[name] for name in names})["d"]
    assert len(wanted) > 3
    np.testing.assert_allclose(by_score(found[0, 0]), by_score(wanted), rtol=1e-4, atol=1e-5)


def by_score(rows: np.ndarray) -> np.ndarray:
    """Detections by falling score; Caffe and the runtime order them by class first."""
    return rows[np.argsort(-rows[:, 2])]


def test_refuses_boxes_of_their_own_for_each_class(tmp_path: Path) -> None:
    model = make_detector(tmp_path, "share_location: false")
    with pytest.raises(UnsupportedModelError, match="share_location: false"):
        read(model.prototxt, model.caffemodel)
