from __future__ import annotations

from pathlib import Path

import pytest

import fetch_models
import opt_tool
import tiers
from model_table import bundles
from opt_tool.formats import paddle_lite
from opt_tool.ir.operations.padding import Pad2D
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


def test_judges_audio_by_the_exact_result(tmp_path: Path) -> None:
    """Its spectrum is scaled by the logarithm of the quietest bin, where all runtimes round."""
    path = path_of("basic_pitch_tflite")
    need_litert()
    report = opt_tool.convert(path, tmp_path / "model.nb").verification
    assert (report.status, report.bound) == ("passed", 1e-4)
    exact = (*report.file_errors, *report.reference_errors)
    assert len(exact) == 2 * len(report.outputs)
    assert all(difference.within(report.bound) for difference in exact)
