"""Which kernel runs which operation, one module for each family; importing fills the table."""

from __future__ import annotations

from opt_tool.runtime.bindings import (
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
