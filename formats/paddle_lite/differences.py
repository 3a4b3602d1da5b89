"""Where an operator in the file differs from the fields of its operation.

Most operations are written straight from their fields: a field is an attribute of the
same name, in the wire type that ``targets`` lists. These tables are the exceptions, by
operator. Values are plain: the wire type still comes from ``targets``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def four_pads(pads: object) -> object:
    """Top, bottom, left, right; the official tool also writes (height, width) for both sides."""
    if isinstance(pads, tuple) and len(pads) == 2:
        return (pads[0], pads[0], pads[1], pads[1])
    return pads


def two_or_none(padding: object) -> object:
    """What is added at the end of each side; the official tool also writes nothing."""
    return (0, 0) if padding == () else padding


def axis_or_first(axis: object) -> object:
    """The axis of a gather; -1 stands for the first."""
    return max(axis, 0) if isinstance(axis, int) else axis


FIXED: Mapping[str, Mapping[str, object]] = {
    "batch_norm": {"is_test": True, "momentum": 0.9, "data_layout": "NCHW"},
    "bilinear_interp_v2": {"interp_method": "bilinear"},
    "cumsum": {"flatten": False},
    "equal": {"force_cpu": False},
    "fill_constant": {"force_cpu": False},
    "greater_equal": {"force_cpu": False},
    "greater_than": {"force_cpu": False},
    "group_norm": {"data_layout": "NCHW"},
    "less_equal": {"force_cpu": False},
    "less_than": {"force_cpu": False},
    "nearest_interp_v2": {"interp_method": "nearest"},
    "not_equal": {"force_cpu": False},
    "pad2d": {"data_format": "NCHW"},
    "rnn": {"dropout_prob": 0.0, "is_test": True, "seed": 0},
}
"""Attributes that the runtime asks for and that inference leaves no choice of."""

RENAMED: Mapping[str, Mapping[str, str]] = {}
"""Field to attribute, where the file has another name."""

UNUSED_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "flatten2": ("XShape",),
    "flatten_contiguous_range": ("XShape",),
    "group_norm": ("SavedMean", "SavedVariance"),
    "instance_norm": ("SavedMean", "SavedVariance"),
    "layer_norm": ("Mean", "Variance"),
    "reshape2": ("XShape",),
    "rnn": ("DropoutState", "Reserve"),
    "squeeze2": ("XShape",),
    "transpose2": ("XShape",),
    "unsqueeze2": ("XShape",),
}
"""Output slots that the runtime demands and nobody reads."""

ENCODED: Mapping[str, Mapping[str, Callable[[Any], object]]] = {}
"""Fields that the file holds in another form, by operator and field."""

DECODED: Mapping[str, Mapping[str, Callable[[Any], object]]] = {
    "conv2d": {"paddings": four_pads},
    "conv2d_transpose": {"paddings": four_pads, "output_padding": two_or_none},
    "depthwise_conv2d": {"paddings": four_pads},
    "gather": {"axis": axis_or_first},
    "pool2d": {"paddings": four_pads},
}
"""How to read fields whose form in the file is another one, or one of several.

A value that is of no form stays what it is, for the check of the operation's types.
"""
