"""What Resize computes along one axis, as indices or as a matrix.

Coordinates are computed in float32 and in the order that ONNX's specification writes
them, so that a position between two elements falls on the same side as in onnxruntime.
Where the two differ, this follows onnxruntime: a size is a whole number in
align_corners too, and an axis of scale 1 is never cropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

F = np.float32
TIE = 1e-6
"""How far from the middle between two elements a position still counts as in the middle."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis to resize: from ``size`` to ``count`` elements, ``scale`` times as many."""

    size: int
    count: int
    scale: float
    start: float = 0.0
    end: float = 1.0


class Rule(NamedTuple):
    """How Resize finds and weighs elements; the names and defaults are ONNX's."""

    mode: str = "nearest"
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False


def _half_pixel(x: np.ndarray, axis: Axis) -> np.ndarray:
    return (x + F(0.5)) / F(axis.scale) - F(0.5)


def _half_pixel_symmetric(x: np.ndarray, axis: Axis) -> np.ndarray:
    """The middles of input and output coincide; the last sum is in double precision."""
    adjustment = F(axis.count) / (F(axis.scale) * F(axis.size))
    offset = F(axis.size) / F(2) * (F(1) - adjustment)
    return np.float64(offset) + (x.astype(np.float64) + 0.5) / np.float64(F(axis.scale)) - 0.5


def _pytorch_half_pixel(x: np.ndarray, axis: Axis) -> np.ndarray:
    return _half_pixel(x, axis) if axis.count > 1 else np.zeros_like(x)


def _align_corners(x: np.ndarray, axis: Axis) -> np.ndarray:
    if axis.count == 1:
        return np.zeros_like(x)
    return x * F(axis.size - 1) / F(axis.count - 1)


def _asymmetric(x: np.ndarray, axis: Axis) -> np.ndarray:
    return x / F(axis.scale)


def _half_pixel_for_nearest(x: np.ndarray, axis: Axis) -> np.ndarray:
    return (x + F(0.5)) / F(axis.scale)


def _crop_and_resize(x: np.ndarray, axis: Axis) -> np.ndarray:
    last, start, end = F(axis.size - 1), F(axis.start), F(axis.end)
    if axis.count == 1:
        return np.zeros_like(x) + F(0.5) * (start + end) * last
    return start * last + x * (end - start) * last / F(axis.count - 1)


COORDINATES: Mapping[str, Callable[[np.ndarray, Axis], np.ndarray]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _half_pixel_for_nearest,
    "tf_crop_and_resize": _crop_and_resize,
}
"""From positions in the output to positions in the input, by coordinate_transformation_mode."""


def _round_half_down(x: np.ndarray, axis: Axis) -> np.ndarray:  # noqa: ARG001
    return np.ceil(x.astype(np.float64) - 0.5 - TIE)


def _round_half_up(x: np.ndarray, axis: Axis) -> np.ndarray:  # noqa: ARG001
    return np.floor(x.astype(np.float64) + 0.5 + TIE)


def _floor(x: np.ndarray, axis: Axis) -> np.ndarray:  # noqa: ARG001
    return np.floor(x)


def _ceil(x: np.ndarray, axis: Axis) -> np.ndarray:  # noqa: ARG001
    return np.ceil(x)


def _simple(x: np.ndarray, axis: Axis) -> np.ndarray:
    return np.ceil(x) if axis.scale < 1 else np.trunc(x)


ROUNDINGS: Mapping[str, Callable[[np.ndarray, Axis], np.ndarray]] = {
    "round_prefer_floor": _round_half_down,
    "round_prefer_ceil": _round_half_up,
    "floor": _floor,
    "ceil": _ceil,
    "simple": _simple,
}
"""From positions to indices, by nearest_mode; "simple" is that of opset 10 and before."""


def positions(axis: Axis, rule: Rule) -> np.ndarray:
    """Where each output element lies in the input, float32 (count,)."""
    x = np.arange(axis.count, dtype=F)
    if axis.scale == 1:
        return x
    return COORDINATES[rule.coordinates](x, axis).astype(F)


def outside(axis: Axis, rule: Rule) -> np.ndarray:
    """Which output elements lie outside of the input, where extrapolation takes over."""
    if rule.coordinates != "tf_crop_and_resize":
        return np.zeros(axis.count, np.bool_)
    x = positions(axis, rule)
    return (x < 0) | (x > axis.size - 1)


def nearest_indices(axis: Axis, rule: Rule) -> np.ndarray:
    """Which element of the input each output element is, int64 (count,)."""
    rounded = ROUNDINGS[rule.rounding](positions(axis, rule), axis)
    return np.clip(rounded.astype(np.int64), 0, axis.size - 1)


def matrix(axis: Axis, rule: Rule) -> np.ndarray:
    """The weights (count, size) of every input element in each output element, float32.

    What lies outside of the input has none, where extrapolation takes over.
    """
    return _weights(axis, rule) * ~outside(axis, rule)[:, np.newaxis]


def _weights(axis: Axis, rule: Rule) -> np.ndarray:
    if rule.mode == "nearest":
        return np.eye(axis.size, dtype=F)[nearest_indices(axis, rule)]
    if rule.antialias:
        # onnxruntime copies an axis whose size stays, whatever its scale
        return np.eye(axis.size, dtype=F) if axis.count == axis.size else _antialiased(axis, rule)
    x = positions(axis, rule)
    if rule.mode == "linear":
        x = np.clip(x, 0, F(axis.size - 1))
    reach = 1 if rule.mode == "linear" else 2
    first = np.floor(x).astype(np.int64) - reach + 1
    indices = first[:, np.newaxis] + np.arange(2 * reach)
    weights = _kernel(rule, np.abs(x[:, np.newaxis] - indices.astype(F)))
    return _scatter(axis, indices, weights, exclude=rule.exclude_outside and reach == 2)


def _antialiased(axis: Axis, rule: Rule) -> np.ndarray:
    """Where the axis shrinks, the kernel is stretched over what one output element covers."""
    stretch = F(max(1 / axis.scale, 1))
    reach = F(1 if rule.mode == "linear" else 2) * stretch
    centre = positions(axis, rule) + F(0.5)
    first = np.floor(centre - reach + F(0.5)).astype(np.int64)
    last = np.floor(centre + reach + F(0.5)).astype(np.int64)
    indices = first[:, np.newaxis] + np.arange((last - first).max())
    distance = np.abs(indices.astype(F) - centre[:, np.newaxis] + F(0.5)) / stretch
    weights = np.where(indices < last[:, np.newaxis], _kernel(rule, distance), 0)
    return _scatter(axis, indices, weights, exclude=rule.exclude_outside, normalize=True)


def _kernel(rule: Rule, distance: np.ndarray) -> np.ndarray:
    """The weight of an element by its distance, for linear and cubic interpolation.

    Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981.
    """
    if rule.mode == "linear":
        return np.maximum(1 - distance, 0)
    a, d = F(rule.cubic_coeff_a), distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _scatter(
    axis: Axis,
    indices: np.ndarray,
    weights: np.ndarray,
    *,
    exclude: bool,
    normalize: bool = False,
) -> np.ndarray:
    """Weights at indices as a matrix; what lies outside goes to the edge or is left out."""
    if exclude:
        weights = np.where((indices >= 0) & (indices < axis.size), weights, 0)
    result = np.zeros((axis.count, axis.size), F)
    rows = np.arange(axis.count)[:, np.newaxis]
    np.add.at(result, (rows, np.clip(indices, 0, axis.size - 1)), weights.astype(F))
    if exclude or normalize:
        totals = result.sum(axis=1, keepdims=True)
        result /= np.where(totals == 0, F(1), totals)
    return result
