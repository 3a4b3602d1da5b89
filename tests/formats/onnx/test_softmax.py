from __future__ import annotations

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(6)
X = (3 * RNG.standard_normal((2, 3, 4, 5))).astype(np.float32)
KINDS = ["Softmax", "LogSoftmax", "Hardmax"]


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
@pytest.mark.parametrize("operator", KINDS)
def test_along_an_axis(operator: str, axis: int | None, dynamic: bool) -> None:
    assert_reads(operator, {"x": X}, axis=axis, dynamic=dynamic)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, 3, -1, -2])
@pytest.mark.parametrize("operator", KINDS)
def test_flattened_at_an_axis(operator: str, axis: int | None, dynamic: bool) -> None:
    assert_reads(operator, {"x": X}, axis=axis, opset=11, dynamic=dynamic)


@pytest.mark.parametrize("shape", [(2, 7), (2, 7, 1, 1), (1, 1, 7), (7, 1), (7,)], ids=str)
def test_flattened_needs_no_reshape_where_one_dimension_is_not_1(shape: tuple[int, ...]) -> None:
    x = RNG.standard_normal(shape).astype(np.float32)
    axis = 0 if len(shape) == 1 else 1
    graph = assert_reads("Softmax", {"x": x}, axis=axis, opset=11)
    assert [node.op.type for node in graph.nodes] == ["softmax"]


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
def test_large_numbers(operator: str) -> None:
    x = np.array([[1e4, 1e4 + 1, 0], [-1e4, -1e4, -2e4]], np.float32)
    assert_reads(operator, {"x": x})


def test_hardmax_marks_the_first_of_equal_elements() -> None:
    assert_reads("Hardmax", {"x": np.array([[1, 3, 3, 2], [0, 0, 0, 0]], np.float32)})


# ---- Dropout


@pytest.mark.parametrize("opset", [7, 10])
def test_dropout_is_its_operand(opset: int) -> None:
    graph = assert_reads("Dropout", {"x": X}, ratio=0.3, opset=opset)
    assert [node.op.type for node in graph.nodes] == ["assign"]


def test_dropout_of_operands() -> None:
    inputs = {"x": X, "ratio": np.array(0.3, np.float32), "training": np.array(False)}
    for names in (["x"], ["x", "ratio"], ["x", "ratio", "training"]):
        given = {name: inputs[name] for name in names}
        assert_reads("Dropout", given, constants=names[1:], outputs=["y", "mask"])


def test_dropout_in_training_is_refused() -> None:
    inputs = {"x": X, "ratio": np.array(0.3, np.float32), "training": np.array(True)}
    with pytest.raises(UnsupportedModelError, match="training mode"):
        read_model(node_model("Dropout", inputs, constants=["ratio", "training"]))
