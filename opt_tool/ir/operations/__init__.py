"""The operations of the graph, one module for each family; importing this fills the registry."""

from __future__ import annotations

from opt_tool.ir.operations import activation, convolution, data_movement

__all__ = ["activation", "convolution", "data_movement"]
