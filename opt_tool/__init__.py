"""opt: Caffe, ONNX and TensorFlow models to verified Paddle Lite .nb files."""

from __future__ import annotations

from opt_tool._version import __version__

__all__ = ["__version__"]
