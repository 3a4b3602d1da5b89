"""Random TFLite models, and LiteRT as their reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.api.litert_runner import LiteRtRunner
from opt_tool.errors import OptError
from opt_tool.formats.tflite.schema import TensorType
from random_models.drawing import Draw, Menu
from random_models.model import Operator, RandomModel
from random_models.rules import tflite, tflite_blocks, tflite_movement
from random_models.source import Results, first_shape
from tflite_models import TYPES, Made, Op

ANSWERS = frozenset({*tflite.COMPARISONS, "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"})
"""Operators that say yes or no."""

DATA_OPERAND: Mapping[str, int] = {"SELECT": 1, "SELECT_V2": 1, "SPLIT": 1, "TRANSPOSE_CONV": 1}
"""Which operand has the type of the result, where that is not the first."""

NOT_OPTIONS: Mapping[str, str] = {"CAST": "to"}
"""What is said of an operator by the type of its result alone."""


class TfliteSource:
    """TFLite in float32, with whole numbers and truth values in between."""

    name = "tflite"
    menu: Menu = (*tflite.MENU, *tflite_movement.MENU, *tflite_blocks.MENU)

    def begin(self, d: Draw) -> None:
        shape = first_shape(d)
        if len(shape) == 4:
            shape = [shape[0], *shape[2:], shape[1]]
        d.input(d.uniform(shape, -2, 2))

    def write(self, model: RandomModel, folder: Path) -> tuple[Path, ...]:
        path = folder / "model.tflite"
        path.write_bytes(made(model).data())
        return (path,)

    def try_out(self, model: RandomModel, folder: Path) -> np.ndarray | None:
        results = self._run(model, folder)
        return None if results is None else results[0][0]

    def expected(self, models: Sequence[RandomModel], folder: Path) -> list[Results | None]:
        return [self._run(model, folder) for model in models]

    def _run(self, model: RandomModel, folder: Path) -> Results | None:
        (path,) = self.write(model, folder)
        try:
            runner = LiteRtRunner(path, threads=1)
            results = [runner.run(feed) for feed in model.feeds]
        except OptError:  # LiteRT refuses it
            return None
        return [[result[name] for name in model.outputs] for result in results]


def made(model: RandomModel) -> Made:
    """The model for the writer."""
    types: dict[str, TensorType] = {}
    arrays = {**model.inputs, **model.constants}
    types = {name: TYPES[array.dtype.name] for name, array in arrays.items()}
    ops = []
    for operator in model.operators:
        options = {
            name: value
            for name, value in operator.attributes.items()
            if NOT_OPTIONS.get(operator.type) != name
        }
        ops.append(
            Op(operator.type, [name or None for name in operator.inputs], operator.outputs, options)
        )
        types |= dict.fromkeys(operator.outputs, _type(operator, types))
        if operator.type == "TOPK_V2":
            types[operator.outputs[1]] = TensorType.INT32
    return Made(ops, model.inputs, model.constants, model.outputs, types)


def _type(operator: Operator, types: Mapping[str, TensorType]) -> TensorType:
    """The type of an operator's results."""
    if operator.type in ANSWERS:
        return TensorType.BOOL
    if operator.type == "CAST":
        return TYPES[operator.attributes["to"]]
    if operator.type.startswith("ARG_"):
        return TensorType(operator.attributes["output_type"])
    return types[operator.inputs[DATA_OPERAND.get(operator.type, 0)]]
