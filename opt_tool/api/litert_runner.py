"""Runs .tflite files in LiteRT, the reference for TFLite models.

LiteRT is an optional extra (``pip install 'opt-tool[tflite]'``); ``tflite-runtime``, its
predecessor, does as well. Its delegates stay off: they compute several operators as one
and never show what is between them. Variables start anew in every run, or are fed where the
converted model is fed with them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from opt_tool.api.runners import Runner, SourceRunner
from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.formats import tflite
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.detection_options import POST_PROCESS, detection_options
from opt_tool.formats.tflite.reader import converted_form
from opt_tool.formats.tflite.schema import ABSENT, CUSTOM, Model
from opt_tool.formats.tflite.twin import twin
from opt_tool.ir import DType, TensorType

MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")

ADVICE = "`pip install 'opt-tool[tflite]'` installs LiteRT"


COUNT = 3
"""The output of the operator that lists detections which says how many were found."""


class _Detections(NamedTuple):
    """A tensor with rows for detections, ``each`` for one; tensor ``number`` says how many.

    LiteRT leaves in the other rows what lay in memory; they are read as 0.
    """

    number: int
    each: int


def interpreter_module() -> ModuleType | None:
    """The module with LiteRT's interpreter, if one is installed."""
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


class LiteRtRunner:
    """A .tflite file in LiteRT; quantized weights are taken for the numbers they stand for.

    Args:
        path: The model.
        outputs: Tensors to compute instead of the model's outputs.
        keep: Tensors to compute as well.
        input_shapes: Shapes that take the place of those in the model.
        threads: How many threads to use; 0 leaves it to LiteRT.
    """

    name = "litert"

    def __init__(
        self,
        path: Path,
        *,
        outputs: Sequence[str] = (),
        keep: Sequence[str] = (),
        input_shapes: Mapping[str, Sequence[int]] | None = None,
        threads: int = 0,
    ) -> None:
        module = interpreter_module()
        if module is None:
            raise UnsupportedError(f"{path}: LiteRT is not installed; {ADVICE}")
        self.path = path
        data = path.read_bytes()
        model = decode(memoryview(data), path)
        self._detections = _detections(model, path)
        form = converted_form(model, path)
        try:
            self._interpreter = module.Interpreter(
                model_content=twin(data, model, form, path),
                num_threads=threads or None,
                experimental_op_resolver_type=(
                    module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                ),
                experimental_preserve_all_tensors=bool(outputs or keep),
            )
            self._resize({} if input_shapes is None else input_shapes)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise UnsupportedError(
                f"{path}: LiteRT cannot load the model; --no-verify goes without it "
                f"({_first_line(error)})"
            ) from error
        own = [form.tensors[index].name for index in form.outputs]
        if len(set(own)) != len(own):
            raise UnsupportedError(
                f"{path}: two outputs have one name, so that they cannot be told apart; "
                "--no-verify goes without it"
            )
        self._wanted = list(dict.fromkeys((*(outputs or own), *keep)))
        self._indices = self._tensor_indices(own)

    def _resize(self, shapes: Mapping[str, Sequence[int]]) -> None:
        for detail in self._interpreter.get_input_details():
            if detail["name"] in shapes:
                self._interpreter.resize_tensor_input(detail["index"], shapes[detail["name"]])

    def _tensor_indices(self, outputs: Sequence[str]) -> dict[str, int]:
        """The wanted tensors by name; outputs come before others of the same name."""
        made = (detail["index"] for detail in self._interpreter.get_output_details())
        found = dict(zip(outputs, made, strict=True))
        for detail in self._interpreter.get_tensor_details() if self._wanted else ():
            found.setdefault(detail["name"], detail["index"])
        return {name: found[name] for name in self._wanted}

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        return {
            detail["name"]: TensorType(
                DType.of(np.dtype(detail["dtype"])), tuple(map(int, detail["shape"]))
            )
            for detail in self._interpreter.get_input_details()
        }

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        details: dict[str, Any] = {
            detail["name"]: detail for detail in self._interpreter.get_input_details()
        }
        if set(feeds) != set(details):
            raise UsageError(f"{self.path}: the inputs are {sorted(details)}, not {sorted(feeds)}")
        try:
            self._interpreter.reset_all_variables()
            for name, array in feeds.items():
                typed = array.astype(details[name]["dtype"], copy=False)
                self._interpreter.set_tensor(details[name]["index"], typed)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"{self.path}: LiteRT cannot run the model on these inputs; --input-shape gives "
                f"others, --no-verify goes without it ({_first_line(error)})"
            ) from error
        made = {name: self._interpreter.get_tensor(i) for name, i in self._indices.items()}
        for name in self._detections.keys() & made.keys():
            detections = self._detections[name]
            count = int(self._interpreter.get_tensor(detections.number)[0])
            made[name][:, count * detections.each :] = 0
        return made


def tflite_runner(
    path: Path,
    *,
    outputs: Sequence[str] = (),
    keep: Sequence[str] = (),
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Runner:
    """What a converted TFLite model is compared with: LiteRT, or the model without passes.

    LiteRT cannot run operators that are defined outside of it.
    """
    model = decode(memoryview(path.read_bytes()), path)
    custom = any(
        operator.code == CUSTOM and operator.custom_code != POST_PROCESS
        for graph in (model, *model.branches.values())
        for operator in graph.operators
    )
    if interpreter_module() is not None and not custom:
        return LiteRtRunner(path, outputs=outputs, keep=keep, input_shapes=input_shapes)
    graph = tflite.read(path, outputs=outputs, input_shapes=input_shapes)
    return SourceRunner(graph, keep=keep)


def _detections(model: Model, path: Path) -> dict[str, _Detections]:
    """The outputs of the operators that list detections, by name."""
    found = {}
    for operator in model.operators:
        if operator.custom_code == POST_PROCESS and len(operator.outputs) > COUNT:
            each = detection_options(operator, path).classes_per_box
            *listed, count = operator.outputs[: COUNT + 1]
            for index in set(listed) - {ABSENT} if count != ABSENT else ():
                found[model.tensors[index].name] = _Detections(count, each)
    return found


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
