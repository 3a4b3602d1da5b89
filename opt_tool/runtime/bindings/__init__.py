"""Which kernel runs which operation, one module for each family; importing fills the table."""

from __future__ import annotations

from opt_tool.runtime.bindings import activation, convolution

__all__ = ["activation", "convolution"]
