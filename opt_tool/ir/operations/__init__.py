"""The operations of the graph, one module for each family; importing this fills the registry."""

from __future__ import annotations

from opt_tool.ir.operations import (
    activation,
    comparison,
    convolution,
    creation,
    data_movement,
    detection,
    elementwise,
    fused,
    indexing,
    interpolation,
    matmul,
    normalization,
    padding,
    pooling,
    recurrence,
    reduction,
    sampling,
    shape,
)

__all__ = [
    "activation",
    "comparison",
    "convolution",
    "creation",
    "data_movement",
    "detection",
    "elementwise",
    "fused",
    "indexing",
    "interpolation",
    "matmul",
    "normalization",
    "padding",
    "pooling",
    "recurrence",
    "reduction",
    "sampling",
    "shape",
]
