from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import opt_tool
from opt_tool.api import onnx_definition as definition_module
from opt_tool.api.difference import largest
from opt_tool.api.exact_judgement import DEFINITION_REASON
from opt_tool.api.loading import load_model
from opt_tool.api.onnx_definition import OnnxDefinition, onnx_definition
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import VerificationError
from small_models import classifier, save, unsupported

FRAME, HOP, SAMPLES = 320, 160, 3200


def spectrum(path: Path) -> Path:
    """The logarithm of a signal's power spectrum, as speech models begin.

    onnxruntime's STFT leaves out of a quiet part of it about 1e-4 of the scale.
    """
    constants = {
        "window": np.hanning(FRAME).astype(np.float32),
        "hop": np.array(HOP),
        "frame": np.array(FRAME),
        "least": np.array(1e-9, np.float32),
    }
    nodes = [
        helper.make_node("STFT", ["x", "hop", "window", "frame"], ["parts"]),
        helper.make_node("ReduceSumSquare", ["parts"], ["power"], axes=[-1], keepdims=0),
        helper.make_node("Add", ["power", "least"], ["positive"]),
        helper.make_node("Log", ["positive"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "spectrum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SAMPLES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return save(graph, path)


def test_computes_outputs_and_what_is_inside_of_the_model(tmp_path: Path) -> None:
    path = classifier(tmp_path / "m.onnx")
    feeds = {"image": np.random.default_rng(0).random((1, 3, 16, 16), np.float32)}
    names = ["probabilities", "features"]
    found = OnnxDefinition(path).compute(feeds, names)
    expected = OnnxRunner(path, keep=["features"]).run(feeds)
    for name in names:
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


def test_a_model_with_an_operator_that_onnx_does_not_define_has_none(tmp_path: Path) -> None:
    path = unsupported(tmp_path / "m.onnx")
    small = load_model(classifier(tmp_path / "small.onnx")).graph
    assert onnx_definition(path, small) is None


def test_large_models_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = classifier(tmp_path / "m.onnx")
    graph = load_model(path).graph
    assert onnx_definition(path, graph) is not None
    monkeypatch.setattr(definition_module, "MACS", 1000)
    assert onnx_definition(path, graph) is None


def test_a_reference_that_is_inexact_is_told_from_a_file_that_is_wrong(tmp_path: Path) -> None:
    source, nb = spectrum(tmp_path / "m.onnx"), tmp_path / "m.nb"
    verification = opt_tool.convert(source, nb, target="x86").verification
    assert (verification.status, verification.reference) == ("passed", "onnxruntime")
    assert verification.reason == DEFINITION_REASON
    assert largest(verification.file_errors) < verification.bound / 5
    assert largest(verification.reference_errors) > verification.bound
    assert largest(verification.outputs) > verification.bound


def test_where_nothing_defines_the_model_the_message_says_that_either_may_be_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_module, "MACS", 0)
    with pytest.raises(VerificationError, match="or opt reads the model wrong") as caught:
        opt_tool.convert(spectrum(tmp_path / "m.onnx"), tmp_path / "m.nb", target="x86")
    assert "fault of opt" not in str(caught.value)
    assert not (tmp_path / "m.nb").exists()
