from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fetch_models
import opt_tool
import tiers
from model_table import bundles
from opt_tool.api.litert_runner import interpreter_module
from opt_tool.formats import paddle_lite
from opt_tool.ir.operations.padding import Pad2D
from tflite_models import need_litert

pytestmark = pytest.mark.models

MODELS = (
    "audio_embedding",
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


@pytest.mark.parametrize("target", ["arm", "x86"])
def test_streaming_models_in_integers_hand_their_state_on(tmp_path: Path, target: str) -> None:
    """Six variables; what noise makes of the score, and LiteRT's rounding to 8 bits of it."""
    path = path_of("micro_wakeword")
    need_litert()
    nb = tmp_path / "model.nb"
    report = opt_tool.convert(path, nb, target=target)
    assert report.verification.status == "passed"
    assert report.verification.reference == "litert"
    assert nb.stat().st_size < path.stat().st_size
    frames = np.random.default_rng(1).integers(-128, -100, (100, 1, 3, 40)).astype(np.int8)
    expected = scores_in_integers(path, frames)
    assert expected.max() > 0.02
    assert np.abs(scores(nb, report.warnings, frames) - expected).max() < 0.01


def scores(nb: Path, notes: Sequence[str], frames: np.ndarray) -> np.ndarray:
    """The score after each run, its states handed on as the report's notes say."""
    session, graph = opt_tool.Session(nb), opt_tool.load(nb)
    follows = dict(re.findall(r"input '(.*?)' takes what output '(.*?)' gave", "\n".join(notes)))
    assert len(follows) == 6
    (heard,) = {value.name for value in graph.inputs} - set(follows)
    state = {v.name: np.zeros(v.type.static_shape, np.float32) for v in graph.inputs}
    found = []
    for frame in frames:
        state[heard] = np.float32(0.10196078568696976) * (frame.astype(np.float32) + 128)
        outputs = session.run(state)
        found += [array for name, array in outputs.items() if name not in follows.values()]
        state |= {name: outputs[source] for name, source in follows.items()}
    return np.concatenate(found)


def scores_in_integers(path: Path, frames: np.ndarray) -> np.ndarray:
    """What the file itself computes in LiteRT, in parts of 256."""
    module = interpreter_module()
    assert module is not None
    interpreter: Any = module.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    found = []
    for frame in frames:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frame)
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(found).astype(np.float32) / 256


def test_sizes_left_open_are_given(tmp_path: Path) -> None:
    path = path_of("melspectrogram")
    need_litert()
    shapes = {"serving_default_input:0": [1, 16000]}
    report = opt_tool.convert(path, tmp_path / "model.nb", input_shapes=shapes)
    assert report.verification.status == "passed"


def test_judges_audio_by_the_exact_result(tmp_path: Path) -> None:
    """Its spectrum is scaled by the logarithm of the quietest bin, where all runtimes round."""
    path = path_of("basic_pitch_tflite")
    need_litert()
    report = opt_tool.convert(path, tmp_path / "model.nb").verification
    assert (report.status, report.bound) == ("passed", 1e-4)
    exact = (*report.file_errors, *report.reference_errors)
    assert len(exact) == 2 * len(report.outputs)
    assert all(difference.within(report.bound) for difference in exact)
