"""opt: Caffe, ONNX and TensorFlow models to verified Paddle Lite .nb files.

The names below are imported when they are first used, so that ``import opt_tool`` and
``opt --help`` cost nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opt_tool._version import __version__

if TYPE_CHECKING:
    from opt_tool.api.benchmark import bench
    from opt_tool.api.comparison import verify
    from opt_tool.api.conversion import convert
    from opt_tool.api.inspection import inspect
    from opt_tool.api.loading import load
    from opt_tool.api.operator_listing import list_ops, supported_operators
    from opt_tool.api.quantized_conversion import quantize
    from opt_tool.api.session import Session
    from opt_tool.api.visualization import visualize
    from opt_tool.errors import (
        DamagedFileError,
        FileAccessError,
        OptError,
        UnsupportedError,
        UsageError,
        VerificationError,
    )

__all__ = [
    "DamagedFileError",
    "FileAccessError",
    "OptError",
    "Session",
    "UnsupportedError",
    "UsageError",
    "VerificationError",
    "__version__",
    "bench",
    "convert",
    "inspect",
    "list_ops",
    "load",
    "quantize",
    "supported_operators",
    "verify",
    "visualize",
]

HOMES: Mapping[str, str] = {
    "DamagedFileError": "opt_tool.errors",
    "FileAccessError": "opt_tool.errors",
    "OptError": "opt_tool.errors",
    "Session": "opt_tool.api.session",
    "UnsupportedError": "opt_tool.errors",
    "UsageError": "opt_tool.errors",
    "VerificationError": "opt_tool.errors",
    "bench": "opt_tool.api.benchmark",
    "convert": "opt_tool.api.conversion",
    "inspect": "opt_tool.api.inspection",
    "list_ops": "opt_tool.api.operator_listing",
    "load": "opt_tool.api.loading",
    "supported_operators": "opt_tool.api.operator_listing",
    "quantize": "opt_tool.api.quantized_conversion",
    "verify": "opt_tool.api.comparison",
    "visualize": "opt_tool.api.visualization",
}
"""The module of each public name."""


def __getattr__(name: str) -> object:
    """Import what is asked for."""
    if name not in HOMES:
        raise AttributeError(f"module 'opt_tool' has no attribute {name!r}")
    found: object = getattr(importlib.import_module(HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
