"""Importers, one module for each family of operators; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.tflite.operators import (
    activation,
    arithmetic,
    convolution,
    indexing,
    padding,
    pooling,
    rearrangement,
    reduction,
    resizing,
    shape,
)

__all__ = [
    "activation",
    "arithmetic",
    "convolution",
    "indexing",
    "padding",
    "pooling",
    "rearrangement",
    "reduction",
    "resizing",
    "shape",
]
