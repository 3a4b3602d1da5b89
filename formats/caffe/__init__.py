"""Reads Caffe models: a network as text and its weights as a binary file."""

from __future__ import annotations

from opt_tool.formats.caffe.reader import outline, read

__all__ = ["outline", "read"]
