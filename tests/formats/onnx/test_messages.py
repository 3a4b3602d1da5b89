"""Reading a model takes ONNX's messages alone; the package comes where it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from opt_tool.formats.onnx import messages

LOADED = """
import sys
from pathlib import Path
from opt_tool.formats.onnx.reader import read
read(Path(sys.argv[1]))
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "onnx"))
import onnx, onnx.checker
from opt_tool.formats.onnx.messages import ModelProto
assert onnx.ModelProto is ModelProto
onnx.checker.check_model(onnx.load(sys.argv[1]))
"""


def relu(path: Path, opset: int) -> Path:
    float_vector = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    weight = numpy_helper.from_array(np.ones(4, np.float32), "w")
    nodes = [helper.make_node("Add", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(nodes, "g", [float_vector], [result], [weight])
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def loaded_by_reading(path: Path) -> list[str]:
    command = [sys.executable, "-c", LOADED, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_a_model_is_read_without_the_rest_of_the_package(tmp_path: Path) -> None:
    assert loaded_by_reading(relu(tmp_path / "m.onnx", 13)) == [messages.MODULE]


def test_the_package_brings_what_few_models_need(tmp_path: Path) -> None:
    assert "onnx.version_converter" in loaded_by_reading(relu(tmp_path / "m.onnx", 6))


def test_the_messages_are_those_of_the_package() -> None:
    names = [name for name in messages.__all__ if name.endswith("Proto")]
    assert all(getattr(messages, name) is getattr(onnx, name) for name in names)


def test_without_their_file_the_messages_come_with_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, messages.MODULE)
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert messages._messages() is onnx


def test_nodes_and_tensors_are_made_as_onnx_makes_them() -> None:
    made = messages.make_node("Clip", ["x"], ["y"], name="n", domain="d", min=0.0, axes=[1])
    assert made == helper.make_node("Clip", ["x"], ["y"], "n", domain="d", min=0.0, axes=[1])
    array = np.arange(3, dtype=np.float32)
    assert messages.make_tensor(array, "w") == numpy_helper.from_array(array, "w")
