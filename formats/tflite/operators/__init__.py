"""Importers, one module for each family of operators; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.tflite.operators import (
    activation,
    arithmetic,
    convolution,
    elementary,
    indexing,
    normalization,
    padding,
    picking,
    pooling,
    rearrangement,
    reduction,
    resizing,
    shape,
    writing,
)

__all__ = [
    "activation",
    "arithmetic",
    "convolution",
    "elementary",
    "indexing",
    "normalization",
    "padding",
    "picking",
    "pooling",
    "rearrangement",
    "reduction",
    "resizing",
    "shape",
    "writing",
]
