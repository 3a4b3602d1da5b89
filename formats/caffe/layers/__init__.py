"""Importers, one module for each family of layers; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.caffe.layers import (
    activation,
    arithmetic,
    convolution,
    detection,
    inner_product,
    normalization,
    pooling,
    rearrangement,
    reduction,
    resizing,
    structure,
)

__all__ = [
    "activation",
    "arithmetic",
    "convolution",
    "detection",
    "inner_product",
    "normalization",
    "pooling",
    "rearrangement",
    "reduction",
    "resizing",
    "structure",
]
