"""Reads ONNX models."""

from __future__ import annotations

from opt_tool.formats.onnx.reader import read

__all__ = ["read"]
