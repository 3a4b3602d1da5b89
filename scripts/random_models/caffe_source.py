"""Random Caffe models, and real Caffe or OpenCV as their references.

While a network grows, sizes and numbers come from the network as opt reads it: starting a
reference takes a second. Whole networks are run in the references, many at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import caffe_references
from caffe_models import make_model
from caffe_references import Request
from opt_tool.api.runners import SourceRunner
from opt_tool.errors import OptError
from opt_tool.formats import caffe
from random_models.drawing import Draw, Menu
from random_models.model import Operator, RandomModel
from random_models.rules import caffe as caffe_rules
from random_models.rules import caffe_blocks
from random_models.source import Results, first_shape

LEAST_AXES: Mapping[str, int] = {"caffe": 0, "opencv": 2}
"""OpenCV takes a vector for a column."""


class CaffeSource:
    """Caffe's layers, and those of its forks that OpenCV has."""

    name = "caffe"
    menu: Menu = (*caffe_rules.MENU, *caffe_blocks.MENU)

    def begin(self, d: Draw) -> None:
        d.input(d.uniform(first_shape(d), -2, 2))

    def write(self, model: RandomModel, folder: Path) -> tuple[Path, ...]:
        layers = [_text(f"layer{n}", layer) for n, layer in enumerate(model.operators)]
        blobs = {f"layer{n}": layer.blobs for n, layer in enumerate(model.operators) if layer.blobs}
        shapes = {name: array.shape for name, array in model.inputs.items()}
        files = make_model(folder, shapes, layers, blobs)
        return files.prototxt, files.caffemodel

    def try_out(self, model: RandomModel, folder: Path) -> np.ndarray | None:
        if not references(model):
            return None
        prototxt, caffemodel = self.write(model, folder)
        try:
            graph = caffe.read(prototxt, caffemodel, outputs=model.outputs)
            feeds = {value.name: model.inputs[value.name] for value in graph.inputs}
            array = SourceRunner(graph).run(feeds)[model.outputs[0]]
        except OptError:  # what it cannot read
            return None
        return array if array.ndim >= LEAST_AXES[references(model)[0]] else None

    def expected(self, models: Sequence[RandomModel], folder: Path) -> list[Results | None]:
        results: list[Results | None] = [None] * len(models)
        for name in caffe_references.REFERENCES:
            chosen = [n for n, model in enumerate(models) if references(model)[:1] == [name]]
            requests = [self._request(models[n], folder / f"{name}{n}") for n in chosen]
            answers = caffe_references.run_each(name, requests) if requests else []
            for n, answer in zip(chosen, answers, strict=True):
                if not isinstance(answer, caffe_references.ReferenceError):
                    results[n] = [[each[blob] for blob in models[n].outputs] for each in answer]
        return results

    def _request(self, model: RandomModel, folder: Path) -> Request:
        folder.mkdir(exist_ok=True)
        prototxt, caffemodel = self.write(model, folder)
        return Request(prototxt, caffemodel, model.feeds, model.outputs)


def references(model: RandomModel) -> list[str]:
    """The references that are there and have all layers, the better one first.

    OpenCV hands out the first top of a layer only.
    """
    others = {top for layer in model.operators for top in layer.outputs[1:]}
    hidden = {"opencv"} if others & set(model.outputs) else set()
    return [
        name
        for name in caffe_references.REFERENCES
        if name not in hidden
        and caffe_references.is_there(name)
        and all(name in _references(layer) for layer in model.operators)
    ]


def _references(layer: Operator) -> Sequence[str]:
    """The references that have a layer; OpenCV takes no notice of matrices that are turned."""
    if layer.attributes.get("inner_product_param", {}).get("transpose"):
        return ("caffe",)
    return caffe_rules.REFERENCES[layer.type]


def _text(name: str, layer: Operator) -> str:
    """The inside of a layer's braces."""
    bottoms = [f'bottom: "{bottom}"' for bottom in layer.inputs]
    tops = [f'top: "{top}"' for top in layer.outputs]
    fields = _fields(layer.attributes)
    return " ".join([f'name: "{name}" type: "{layer.type}"', *bottoms, *tops, *fields])


def _fields(message: Mapping[str, Any]) -> list[str]:
    """A message as text; lists are fields that repeat."""
    texts = []
    for name, value in message.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                texts.append(f"{name} {{ {' '.join(_fields(each))} }}")
            else:
                word = str(each).lower() if isinstance(each, bool) else str(each)
                texts.append(f"{name}: {word}")
    return texts
