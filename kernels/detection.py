"""Object detection: prior boxes, decoding, and the suppression of boxes that overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def prior_boxes(
    centers: tuple[np.ndarray, np.ndarray],
    sizes: Sequence[tuple[float, float]],
    image: tuple[float, float],
) -> np.ndarray:
    """Boxes around the centres of cells, as (H, W, len(sizes), 4) corners x, y, x, y.

    Args:
        centers: The rows (H,) and columns (W,) of the centres, in pixels.
        sizes: Widths and heights in pixels.
        image: The height and width of the image, which the corners are divided by.
    """
    rows, columns = centers
    middle = np.stack(np.broadcast_arrays(columns[np.newaxis], rows[:, np.newaxis]), axis=-1)
    half = np.array(sizes, np.float64) / 2
    middle = middle[:, :, np.newaxis]
    corners = np.concatenate([middle - half, middle + half], axis=-1)
    height, width = image
    return (corners / np.array([width, height, width, height])).astype(np.float32)


def decode_center_size(prior: np.ndarray, variance: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Corners (N, M, 4) from distances target (N, M, 4) to prior (M, 4), times variance (M, 4)."""
    size = prior[:, 2:] - prior[:, :2]
    center = prior[:, :2] + size / 2
    scaled = target * variance
    middle = scaled[..., :2] * size + center
    half = np.exp(scaled[..., 2:]) * size / 2
    return np.concatenate([middle - half, middle + half], axis=-1)


def multiclass_nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    *,
    background: int,
    score_threshold: float,
    top_k: int,
    threshold: float,
    eta: float,
    keep_top_k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The boxes (N, M, 4) that scores (N, C, M) keep: rows (K, 6) and places (K, 1)."""
    rows, places = [np.empty((0, 6), np.float32)], [np.empty((0, 1), np.int32)]
    for image, (corners, classes) in enumerate(zip(boxes, scores, strict=True)):
        kept = [
            (label, place)
            for label, values in enumerate(classes)
            if label != background
            for place in _suppressed(
                corners, _best(values, score_threshold, top_k), threshold, eta, keep_top_k
            )
        ]
        if -1 < keep_top_k < len(kept):
            kept = sorted(kept, key=lambda pair: -classes[pair])[:keep_top_k]
            kept.sort(key=lambda pair: pair[0])
        for label, place in kept:
            row = np.concatenate([[label, classes[label, place]], corners[place]])
            rows.append(row[np.newaxis].astype(np.float32))
            places.append(np.array([[image * len(corners) + place]], np.int32))
    return np.concatenate(rows), np.concatenate(places)


def _best(scores: np.ndarray, threshold: float, count: int) -> np.ndarray:
    """The places of scores (M,) above a threshold, the highest first."""
    above = np.flatnonzero(scores > np.float32(threshold))
    order = above[np.argsort(-scores[above], kind="stable")]
    return order if count < 0 else order[:count]


def _suppressed(
    corners: np.ndarray, places: np.ndarray, threshold: float, eta: float, most: int
) -> list[int]:
    """The places whose boxes overlap no better one by more than the threshold.

    There are ``most`` of them at most: an image that keeps no more keeps the best of a class.
    """
    if eta < 1 and threshold > 0.5:
        return _suppressed_by_less(corners, places, threshold, eta)
    kept: list[int] = []
    while len(places) > 0 and len(kept) != most:
        best, places = places[0], places[1:]
        kept.append(int(best))
        places = places[overlaps(corners[best], corners[places]) <= threshold]
    return kept


def _suppressed_by_less(
    corners: np.ndarray, places: np.ndarray, threshold: float, eta: float
) -> list[int]:
    """The same where the threshold shrinks with each box that is kept."""
    kept: list[int] = []
    limit = threshold
    for place in places:
        if kept and not (overlaps(corners[place], corners[kept]) <= limit).all():
            continue
        kept.append(int(place))
        if eta < 1 and limit > 0.5:
            limit *= eta
    return kept


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The intersection over the union of box (4,) with others (K, 4).

    It is that of the runtime for boxes without an area too: NaN, which is no overlap below
    any threshold, where two of them touch.
    """
    start, end = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    apart = (others[:, :2] > box[2:]) | (others[:, 2:] < box[:2])
    common = np.prod(end - start, axis=1)
    union = _area(box[np.newaxis]) + _area(others) - common
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(apart.any(axis=1), np.float32(0), common / union)


def _area(boxes: np.ndarray) -> np.ndarray:
    """The areas of boxes (K, 4); 0 where an end lies before its start."""
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
