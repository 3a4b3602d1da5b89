"""A model in parts computes what the whole model computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from opt_tool.api import parted_session
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.api.parted_session import PartedSession

SIDE = 128


def model() -> onnx.ModelProto:
    """Branches, a weight that is used twice and a sub-graph that takes names from around it."""
    made = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        net (float[n,128] X) => (float[n,128] Y, float[n,128] B) {
            A = MatMul (X, W0)
            R = Relu (A)
            B = MatMul (R, W1)
            C = MatMul (B, W0)
            total = ReduceSum <keepdims = 0> (C)
            zero = Constant <value = float {0}> ()
            positive = Greater (total, zero)
            D = If (positive) <
                then_branch = yes () => (float[n,128] E) { inner = Add (A, C)  E = Relu (inner) },
                else_branch = no () => (float[n,128] F) { F = Neg (R) }
            >
            Y = MatMul (D, W2)
            unread = MatMul (Y, W2)
        }""")
    rng = np.random.default_rng(3)
    for number in range(3):
        weight = (rng.standard_normal((SIDE, SIDE)) / SIDE**0.5).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(weight, f"W{number}"))
    return made


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(4).standard_normal((2, SIDE)).astype(np.float32)


@pytest.fixture(autouse=True)
def parts_of_one_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parted_session, "PART_BYTES", SIDE * SIDE * 4 + 100)


def test_the_parts_hold_a_weight_each() -> None:
    parts = PartedSession(model(), onnxruntime.SessionOptions()).parts
    assert [[weight.name for weight in part.weights] for part in parts] == [
        ["W0"],
        ["W1"],
        ["W0"],
        ["W2"],
    ]
    assert [part.outputs for part in parts] == [("A", "R"), ("B",), ("D",), ("Y",)]


def test_the_parts_compute_what_the_whole_computes(x: np.ndarray) -> None:
    whole = onnxruntime.InferenceSession(
        model().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    session = PartedSession(model(), onnxruntime.SessionOptions())
    for found, expected in zip(
        session.run(["Y", "B"], {"X": x}), whole.run(["Y", "B"], {"X": x}), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_runner_finds_external_data_and_tensors_inside(tmp_path: Path, x: np.ndarray) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(), path, save_as_external_data=True, location="weights", size_threshold=0)
    whole, parted = (
        OnnxRunner(path, keep=["R", "C"], input_shapes={"X": (2, SIDE)}, in_parts=in_parts)
        for in_parts in (False, True)
    )
    assert parted.inputs == {"X": whole.inputs["X"].with_shape((2, SIDE))}
    expected = whole.run({"X": x})
    found = parted.run({"X": x})
    assert list(found) == list(expected) == ["Y", "B", "R", "C"]
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
