"""Reads and writes Paddle Lite's .nb files."""

from __future__ import annotations

from opt_tool.formats.paddle_lite.read import read
from opt_tool.formats.paddle_lite.write import write

__all__ = ["read", "write"]
