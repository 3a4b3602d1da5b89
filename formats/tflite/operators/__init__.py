"""Importers, one module for each family of operators; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.tflite.operators import (
    activation,
    arithmetic,
    bits,
    control_flow,
    convolution,
    detection,
    elementary,
    indexing,
    normalization,
    padding,
    picking,
    pooling,
    rearrangement,
    recurrence,
    reduction,
    resizing,
    segments,
    shape,
    signal,
    writing,
)

__all__ = [
    "activation",
    "arithmetic",
    "bits",
    "control_flow",
    "convolution",
    "detection",
    "elementary",
    "indexing",
    "normalization",
    "padding",
    "picking",
    "pooling",
    "rearrangement",
    "recurrence",
    "reduction",
    "resizing",
    "segments",
    "shape",
    "signal",
    "writing",
]
