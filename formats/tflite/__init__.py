"""Reads TensorFlow Lite's .tflite files.

The schema is public: tensorflow/lite/schema/schema.fbs in TensorFlow's sources.
"""

from __future__ import annotations

from opt_tool.formats.tflite.reader import read

__all__ = ["read"]
