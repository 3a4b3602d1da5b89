"""Importers, one module for each family of operators; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.onnx.operators import (
    activation,
    convolution,
    normalization,
    pooling,
)

__all__ = [
    "activation",
    "convolution",
    "normalization",
    "pooling",
]
