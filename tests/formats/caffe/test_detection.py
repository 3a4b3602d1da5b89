"""DetectionOutput finds what OpenCV finds on small blobs; the models have its usual form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import caffe_references
from caffe_detectors import DETECTORS, Detector, sample
from caffe_models import CaffeModel, make_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.caffe import read
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor


def detections(model: CaffeModel) -> np.ndarray:
    graph, feeds = read(model.prototxt, model.caffemodel), sample()
    names = [value.name for value in graph.inputs]
    rows = Executor(graph, Settings()).run({name: feeds[name] for name in names})["d"]
    assert rows.shape[:2] == (1, 1)
    return rows[0, 0]


def by_score(rows: np.ndarray) -> np.ndarray:
    """Detections by falling score; Caffe and the runtime order them by class first."""
    return rows[np.argsort(-rows[:, 2])]


@pytest.mark.parametrize("detector", DETECTORS, ids=str)
def test_detections_are_opencvs(tmp_path: Path, detector: Detector) -> None:
    caffe_references.need("opencv")
    wanted = detector.detections_of_opencv(tmp_path)
    found = detections(detector.make(tmp_path))
    assert len(wanted) > 3
    np.testing.assert_allclose(by_score(found), by_score(wanted), rtol=1e-4, atol=1e-5)


def test_nothing_found_is_no_rows(tmp_path: Path) -> None:
    model = Detector("code_type: CORNER confidence_threshold: 3").make(tmp_path)
    assert detections(model).shape == (0, 7)


def test_no_operation_is_used_that_aborts_where_nothing_is_found(tmp_path: Path) -> None:
    """On ARM pad2d writes a first row whatever there is, and concat refuses empty tensors."""
    model = DETECTORS[0].make(tmp_path)
    made = [node.op.type for node in read(model.prototxt, model.caffemodel).nodes]
    assert made[made.index("multiclass_nms2") :] == ["multiclass_nms2", "fc", "unsqueeze2"]


def test_every_form_finds_something_else(tmp_path: Path) -> None:
    found = {detections(detector.make(tmp_path)).tobytes() for detector in DETECTORS}
    assert len(found) == len(DETECTORS)


@pytest.mark.parametrize(
    ("param", "words"),
    [
        ("share_location: false", "share_location: false"),
        ("num_classes: 7", r"60 prior boxes do not fit .*\[1, 180\] of 7 classes"),
    ],
)
def test_refuses_what_it_does_not_compute(tmp_path: Path, param: str, words: str) -> None:
    model = Detector(param).make(tmp_path)
    with pytest.raises(UnsupportedModelError, match=words):
        read(model.prototxt, model.caffemodel)


def test_refuses_several_images_at_once(tmp_path: Path) -> None:
    model = Detector("code_type: CORNER").make(tmp_path)
    shapes = {"loc": (2, 240), "conf": (2, 180)}
    with pytest.raises(UnsupportedModelError, match=r"2 images at once.*--input-shape"):
        read(model.prototxt, model.caffemodel, input_shapes=shapes)


@pytest.mark.parametrize(
    ("param", "words"),
    [
        ("max_size: 9", "0 min_size and 1 max_size"),
        ("min_size: 5 variance: 0.1 variance: 0.2", "2 variances"),
    ],
)
def test_refuses_prior_boxes_without_meaning(tmp_path: Path, param: str, words: str) -> None:
    layer = (
        'name: "p" type: "PriorBox" bottom: "cells" bottom: "image" top: "p" '
        f"prior_box_param {{ {param} }}"
    )
    model = make_model(tmp_path, {"cells": (1, 4, 3, 5), "image": (1, 3, 30, 40)}, [layer])
    with pytest.raises(UnsupportedModelError, match=words):
        read(model.prototxt, model.caffemodel)
