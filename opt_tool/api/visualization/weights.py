"""What a person wants to see of a weight: its spread, a histogram, how it is quantized."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from opt_tool.ir import Quantization, Value

BINS = 32
SHOWN_VALUES = 16
"""Constants of at most this many elements are shown as they are."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many elements lie in each of ``BINS`` equal parts of the range."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QuantizationPicture:
    """The scales of a quantized weight and the error that rounding made.

    ``sqnr_db`` was measured against the float weight, or, where that is not known
    (``measured`` is false), is what rounding to these scales leaves of even noise.
    """

    bits: int
    axis: int
    scales: int
    smallest_scale: float
    largest_scale: float
    sqnr_db: float | None
    measured: bool


@dataclass(frozen=True, slots=True)
class WeightPicture:
    """One constant that a node reads; ``values`` only where there are few."""

    slot: str
    name: str
    type: str
    bytes: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    deviation: float | None
    zeros: float
    not_finite: int
    values: tuple[float, ...]
    histogram: Histogram | None
    quantization: QuantizationPicture | None


def picture_of(slot: str, value: Value, sqnr_db: float | None = None) -> WeightPicture:
    """Measure a constant; ``sqnr_db`` is what a quantizer measured, where it is known."""
    array = value.array().reshape(-1)
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array  # to count with
    usable = np.isfinite(array)
    finite = array if usable.all() else array[usable]
    return WeightPicture(
        slot=slot,
        name=value.name,
        type=str(value.type),
        bytes=0 if value.data is None else value.data.nbytes,
        minimum=float(finite.min()) if finite.size else None,
        maximum=float(finite.max()) if finite.size else None,
        mean=float(finite.mean(dtype=np.float64)) if finite.size else None,
        deviation=float(finite.std(dtype=np.float64)) if finite.size else None,
        zeros=float(np.mean(array == 0)) if array.size else 0.0,
        not_finite=array.size - finite.size,
        values=tuple(map(float, array)) if array.size <= SHOWN_VALUES else (),
        histogram=_histogram(finite) if array.size > SHOWN_VALUES else None,
        quantization=_quantization(value.quantization, finite, sqnr_db),
    )


def _histogram(finite: np.ndarray) -> Histogram | None:
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    if not low + (high - low) / BINS > low:  # equal, or too close for bins of their own
        return Histogram(low, high, (int(finite.size),))
    counts, _ = np.histogram(finite, bins=BINS, range=(low, high))
    return Histogram(low, high, tuple(map(int, counts)))


def _quantization(
    quantization: Quantization | None, restored: np.ndarray, sqnr_db: float | None
) -> QuantizationPicture | None:
    if quantization is None:
        return None
    scales = quantization.scales.astype(np.float64)
    return QuantizationPicture(
        bits=quantization.bits,
        axis=quantization.axis,
        scales=int(scales.size),
        smallest_scale=float(scales.min()),
        largest_scale=float(scales.max()),
        sqnr_db=_expected_db(scales, restored) if sqnr_db is None else sqnr_db,
        measured=sqnr_db is not None,
    )


def _expected_db(scales: np.ndarray, restored: np.ndarray) -> float | None:
    """The signal to noise when errors are even within half a step: their power is s**2 / 12."""
    signal, noise = float(np.mean(restored.astype(np.float64) ** 2)), float(np.mean(scales**2)) / 12
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
