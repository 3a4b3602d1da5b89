"""Importers, one module for each family of operators; importing this fills the registry."""

from __future__ import annotations

from opt_tool.formats.onnx.operators import (
    activation,
    arithmetic,
    comparison,
    convolution,
    creation,
    data_movement,
    einsum,
    indexing,
    matmul,
    normalization,
    padding,
    pooling,
    quantization,
    reduction,
    resizing,
    scattering,
    shape,
    slicing,
    softmax,
    unary,
)

__all__ = [
    "activation",
    "arithmetic",
    "comparison",
    "convolution",
    "creation",
    "data_movement",
    "einsum",
    "indexing",
    "matmul",
    "normalization",
    "padding",
    "pooling",
    "quantization",
    "reduction",
    "resizing",
    "scattering",
    "shape",
    "slicing",
    "softmax",
    "unary",
]
