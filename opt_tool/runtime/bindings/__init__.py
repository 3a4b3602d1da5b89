"""Which kernel runs which operation, one module for each family; importing fills the table."""

from __future__ import annotations

from opt_tool.runtime.bindings import activation, convolution, data_movement

__all__ = ["activation", "convolution", "data_movement"]
