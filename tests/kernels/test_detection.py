"""Boxes one by one and loop by loop, as the runtime's and SSD's sources have them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import pytest

from opt_tool.kernels import detection as kernels

Box = list[float]


# ---- prior boxes


def test_prior_boxes_are_those_of_the_loops() -> None:
    rows, columns = np.array([3.0, 11.5, 20.0]), np.array([2.5, 9.0])
    sizes, (height, width) = [(6.0, 6.0), (8.5, 4.25), (3.0, 9.0)], (30.0, 17.0)
    found = kernels.prior_boxes((rows, columns), sizes, (height, width))
    assert found.shape == (3, 2, 3, 4)
    assert found.dtype == np.float32
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            for k, (wide, high) in enumerate(sizes):
                corners = [
                    (x - wide / 2) / width,
                    (y - high / 2) / height,
                    (x + wide / 2) / width,
                    (y + high / 2) / height,
                ]
                np.testing.assert_allclose(found[i, j, k], corners, rtol=1e-6)


# ---- decoding


def decoded(prior: Box, variance: Box, target: Box) -> Box:
    wide, high = prior[2] - prior[0], prior[3] - prior[1]
    x = prior[0] + wide / 2 + target[0] * variance[0] * wide
    y = prior[1] + high / 2 + target[1] * variance[1] * high
    new_wide = math.exp(target[2] * variance[2]) * wide
    new_high = math.exp(target[3] * variance[3]) * high
    return [x - new_wide / 2, y - new_high / 2, x + new_wide / 2, y + new_high / 2]


def test_decoding_moves_centres_and_scales_sizes() -> None:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 1, (5, 2))
    prior = np.concatenate([start, start + rng.uniform(0.1, 0.5, (5, 2))], 1).astype(np.float32)
    variance = rng.uniform(0.1, 0.3, (5, 4)).astype(np.float32)
    target = rng.standard_normal((2, 5, 4)).astype(np.float32)
    found = kernels.decode_center_size(prior, variance, target)
    assert found.dtype == np.float32
    for image in range(2):
        for m in range(5):
            one = decoded(prior[m].tolist(), variance[m].tolist(), target[image, m].tolist())
            np.testing.assert_allclose(found[image, m], one, rtol=1e-5, atol=1e-6)


# ---- suppression


@dataclass(frozen=True)
class Limits:
    """The parameters of multiclass_nms, none of which does anything."""

    background: int = -1
    score_threshold: float = 0.0
    top_k: int = -1
    threshold: float = 1.0
    eta: float = 1.0
    keep_top_k: int = -1


def overlap(one: Box, other: Box) -> float:
    if other[0] > one[2] or other[2] < one[0] or other[1] > one[3] or other[3] < one[1]:
        return 0.0
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    union = area(one) + area(other) - wide * high
    return wide * high / union if union != 0 else math.nan


def area(box: Box) -> float:
    return 0.0 if box[2] < box[0] or box[3] < box[1] else (box[2] - box[0]) * (box[3] - box[1])


def one_class(boxes: list[Box], scores: list[float], limits: Limits) -> list[int]:
    """The places that are kept of one class, the best first."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    order = [place for place in order if scores[place] > limits.score_threshold]
    if limits.top_k > -1:
        order = order[: limits.top_k]
    kept: list[int] = []
    threshold = limits.threshold
    for place in order:
        if not all(overlap(boxes[place], boxes[other]) <= threshold for other in kept):
            continue
        kept.append(place)
        if limits.eta < 1 and threshold > 0.5:
            threshold *= limits.eta
    return kept


def suppressed(
    boxes: np.ndarray, scores: np.ndarray, limits: Limits
) -> tuple[np.ndarray, np.ndarray]:
    """multiclass_nms by the loops of the runtime's source."""
    rows, places = [], []
    for image in range(len(boxes)):
        corners: list[Box] = boxes[image].tolist()
        pairs = []
        for label, values in enumerate(scores[image].tolist()):
            if label != limits.background:
                kept = one_class(corners, values, limits)
                pairs += [(values[place], label, place) for place in kept]
        if -1 < limits.keep_top_k < len(pairs):
            pairs = sorted(pairs, key=lambda pair: -pair[0])[: limits.keep_top_k]
            pairs = sorted(pairs, key=lambda pair: pair[1])
        for score, label, place in pairs:
            rows.append([label, score, *corners[place]])
            places.append([image * len(corners) + place])
    return np.array(rows, np.float32).reshape(-1, 6), np.array(places, np.int32).reshape(-1, 1)


def crowd(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two images with 40 boxes each that overlap, and scores with equals among them."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 1, (2, 40, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.1, 0.6, (2, 40, 2))], axis=2)
    scores = np.round(rng.uniform(0, 1, (2, 3, 40)), 1)
    return boxes.astype(np.float32), scores.astype(np.float32)


LIMITS = [
    Limits(),
    Limits(threshold=0.3),
    Limits(threshold=0.0),
    Limits(threshold=0.3, background=1),
    Limits(threshold=0.3, score_threshold=0.5),
    Limits(threshold=0.3, top_k=7),
    Limits(threshold=0.3, top_k=0),
    Limits(threshold=0.3, keep_top_k=5),
    Limits(threshold=0.3, keep_top_k=0),
    Limits(threshold=0.8, eta=0.9),
    Limits(threshold=0.4, eta=0.9),
    Limits(background=0, score_threshold=0.2, top_k=20, threshold=0.6, eta=0.8, keep_top_k=9),
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_suppression_keeps_what_the_loops_keep(limits: Limits, seed: int) -> None:
    boxes, scores = crowd(seed)
    rows, places = kernels.multiclass_nms(boxes, scores, **asdict(limits))
    wanted_rows, wanted_places = suppressed(boxes, scores, limits)
    assert rows.dtype == np.float32
    assert places.dtype == np.int32
    np.testing.assert_array_equal(places, wanted_places)
    np.testing.assert_array_equal(rows, wanted_rows)


def test_every_limit_changes_what_is_kept() -> None:
    boxes, scores = crowd(0)
    kept = [suppressed(boxes, scores, limits)[1].tobytes() for limits in LIMITS]
    nothing = sum(len(places) == 0 for places in kept)
    # nothing is left by a limit of 0; an eta below 1 does nothing below 0.5
    assert (nothing, len(set(kept))) == (2, len(LIMITS) - 1)


POINTS: list[Box] = [
    [0, 0, 2, 2], [0, 0, 2, 2], [2, 2, 4, 4], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 0, 3],
    [0, 1, 0, 3], [3, 3, 1, 1], [2, 0, 1, 2], [9, 9, 9, 9],
]  # fmt: skip


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_boxes_without_an_area_are_compared_as_the_runtime_does(threshold: float) -> None:
    boxes = np.array([POINTS], np.float32)
    scores = np.linspace(0.9, 0.1, len(POINTS), dtype=np.float32).reshape(1, 1, -1)
    limits = Limits(threshold=threshold)
    _, places = kernels.multiclass_nms(boxes, scores, **asdict(limits))
    np.testing.assert_array_equal(places, suppressed(boxes, scores, limits)[1])


def test_overlap_is_the_intersection_over_the_union() -> None:
    others = np.array(POINTS, np.float32)
    for box in POINTS:
        found = kernels.overlaps(np.array(box, np.float32), others)
        np.testing.assert_allclose(found, [overlap(box, other) for other in POINTS], rtol=1e-6)


def test_nothing_found_is_no_rows() -> None:
    boxes, scores = crowd(0)
    rows, places = kernels.multiclass_nms(boxes, scores * 0, **asdict(Limits()))
    assert (rows.shape, places.shape) == ((0, 6), (0, 1))
