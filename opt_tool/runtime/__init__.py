"""Runs graphs with the NumPy kernels."""

from __future__ import annotations

from opt_tool.runtime import bindings
from opt_tool.runtime.binding import Arrays, Compute, Settings, computes, prepares
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.fold import FoldingBuilder, InsertingBuilder, evaluate

__all__ = [
    "Arrays",
    "Compute",
    "Executor",
    "FoldingBuilder",
    "InsertingBuilder",
    "Settings",
    "bindings",
    "computes",
    "evaluate",
    "prepares",
]
