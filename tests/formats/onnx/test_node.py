"""Operands that must be numbers at conversion, and are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest

from onnx_models import node_model, read_model
from opt_tool.errors import UnsupportedModelError


class Case(NamedTuple):
    """An operator with an input, and how many numbers each of its other operands has."""

    x: tuple[int, ...]
    numbers: tuple[int, ...]
    opset: int = 13
    outputs: tuple[str, ...] = ("y",)


IMAGE = (2, 3, 4, 4)

WHOLE: Mapping[str, Case] = {
    "AffineGrid": Case((2, 2, 3), (4,), opset=20),
    "CenterCropPad": Case(IMAGE, (4,), opset=18),
    "Col2Im": Case((1, 4, 4), (2, 2), opset=18),
    "CumSum": Case(IMAGE, (1,)),
    "Expand": Case(IMAGE, (4,)),
    "OneHot": Case(IMAGE, (1, 2)),
    "Pad": Case(IMAGE, (8,)),
    "ReduceSum": Case(IMAGE, (1,)),
    "Reshape": Case(IMAGE, (3,)),
    "Slice": Case(IMAGE, (1, 1, 1, 1)),
    "Split": Case(IMAGE, (2,), outputs=("y", "z")),
    "Squeeze": Case(IMAGE, (1,)),
    "Tile": Case(IMAGE, (4,)),
    "TopK": Case(IMAGE, (1,), outputs=("y", "z")),
    "Trilu": Case(IMAGE, (1,), opset=14),
    "Unsqueeze": Case(IMAGE, (1,)),
}
"""Those that need whole numbers."""

NUMBERS: Mapping[str, Case] = {"Clip": Case(IMAGE, (1, 1)), "Dropout": Case(IMAGE, (1, 1))}


def read(operator: str, case: Case, number: float | None) -> None:
    """Read the operator with operands of that number, or of none."""
    counts = (0 if number is None else count for count in case.numbers)
    operands = {f"n{i}": np.full(count, number, np.float32) for i, count in enumerate(counts)}
    inputs = {"x": np.zeros(case.x, np.float32), **operands}
    model = node_model(
        operator, inputs, constants=list(operands), opset=case.opset, outputs=case.outputs
    )
    read_model(model)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("operator", WHOLE)
def test_whole_numbers_that_are_not_finite_are_refused(operator: str, number: float) -> None:
    with pytest.raises(UnsupportedModelError, match="not finite"):
        read(operator, WHOLE[operator], number)


@pytest.mark.parametrize("operator", NUMBERS)
def test_numbers_that_are_not_there_are_refused(operator: str) -> None:
    with pytest.raises(UnsupportedModelError, match="without elements"):
        read(operator, NUMBERS[operator], None)
