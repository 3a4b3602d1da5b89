from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fetch_models
import opt_tool
import tiers
from model_table import bundles
from opt_tool.api.litert_runner import LiteRtRunner
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.formats import paddle_lite
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.runtime import Executor
from tflite_models import need_litert

pytestmark = pytest.mark.models

MODELS = (
    "face_detection_back",
    "face_detection_front",
    "face_detection_full_range",
    "face_detection_sparse",
    "face_landmark",
    "fer_quantized",
    "iris_landmark",
)

QUIETEST_BIN = 5e-4
"""basic-pitch scales its spectrum by the logarithm of the quietest bin, a difference of nearly
equal numbers: LiteRT and the NumPy runtime round it 1.9e-4 of its size apart."""


def path_of(name: str) -> Path:
    bundle = next(bundle for _, bundle in bundles() if bundle.name == name)
    path = fetch_models.path_of(bundle.files[0], bundle)
    if not path.is_file():
        tiers.need(f"{path} is missing; run scripts/fetch_models.py {name}")
    return path


@pytest.mark.parametrize("target", ["arm", "x86"])
@pytest.mark.parametrize("name", MODELS)
def test_converts_to_what_litert_computes(tmp_path: Path, name: str, target: str) -> None:
    path = path_of(name)
    need_litert()
    report = opt_tool.convert(path, tmp_path / "model.nb", target=target)
    assert report.verification.status == "passed"
    assert report.verification.reference == "litert"
    graph = paddle_lite.read(tmp_path / "model.nb")
    assert not [node for node in graph.nodes if isinstance(node.op, Pad2D)]


def test_converts_audio_too(tmp_path: Path) -> None:
    path = path_of("basic_pitch_tflite")
    need_litert()
    opt_tool.convert(path, tmp_path / "model.nb", target="x86", verify=False)
    graph = paddle_lite.read(tmp_path / "model.nb")
    runner = LiteRtRunner(path)
    for sample in sample_inputs(input_specs(graph), 2):
        expected = runner.run(dict(zip(runner.inputs, sample.values(), strict=True)))
        computed = Executor(graph).run(sample)
        for wanted, found in zip(expected.values(), computed.values(), strict=True):
            assert np.abs(wanted - found).max() <= QUIETEST_BIN * np.abs(wanted).max()
