"""Sizes cost a file nothing: constants that an importer makes up of them alone are bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from onnx_models import node_model, read_model
from opt_tool.errors import UnsupportedModelError

HUGE = 1 << 32


def of_shape(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """An array that only claims to be so large; graph inputs need no more than that."""
    return as_strided(np.zeros(1, dtype), shape, (0,) * len(shape))


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32 if isinstance(value, float) else np.int64)


CASES: Mapping[str, tuple[str, Mapping[str, np.ndarray], Mapping[str, Any]]] = {
    "identity matrix": ("EyeLike", {"x": of_shape(HUGE, 5)}, {}),
    "triangle": ("Trilu", {"x": of_shape(HUGE, 5, dtype=np.int64)}, {}),
    "filled": ("ConstantOfShape", {"n": np.array([HUGE, HUGE])}, {}),
    "grid of places": (
        "AffineGrid",
        {"theta": of_shape(1, 2, 3), "n": np.array([1, 1, 1 << 20, 1 << 20])},
        {"opset": 20},
    ),
    "negative grid": (
        "AffineGrid",
        {"theta": of_shape(1, 2, 3), "n": np.array([1, 1, -4, -4])},
        {"opset": 20},
    ),
    "mel weights": (
        "MelWeightMatrix",
        {
            "n": number(1 << 20),
            "length": number(1 << 30),
            "rate": number(16000),
            "low": number(0.0),
            "high": number(8000.0),
        },
        {},
    ),
    "turned order": (
        "Slice",
        {
            "x": of_shape(HUGE),
            "first": np.array([HUGE - 1]),
            "last": np.array([-HUGE - 1]),
            "axis": np.array([0]),
            "step": np.array([-1]),
        },
        {},
    ),
    "reversed sequence": (
        "ReverseSequence",
        {"x": of_shape(1 << 20, 1 << 20), "lengths": of_shape(1 << 20, dtype=np.int64)},
        {},
    ),
    "mask of dropout": ("Dropout", {"x": of_shape(HUGE)}, {"outputs": ("y", "mask")}),
    "band of channels": ("LRN", {"x": of_shape(1, HUGE, 1, 1)}, {"size": 3}),
    "missing bias": ("LayerNormalization", {"x": of_shape(2, HUGE), "scale": of_shape(1)}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_made_up_constants_are_bounded(case: str) -> None:
    operator, inputs, how = CASES[case]
    constants = [name for name in inputs if name not in ("x", "theta", "lengths", "scale")]
    with pytest.raises(UnsupportedModelError, match="opt makes up at most 16777216 elements"):
        read_model(node_model(operator, inputs, constants=constants, **how))
