from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import opt_tool
from onnx_models import node_model
from opt_tool.api.tensorflow_source import tensorflow_as_onnx
from opt_tool.errors import UnsupportedError

STAND_IN = """
import json, os, sys
from pathlib import Path

arguments = sys.argv[1:]
if "broken" in arguments[1]:
    sys.exit("Unsupported ops: Magic")
output = Path(arguments[arguments.index("--output") + 1])
output.write_bytes(
    Path(os.environ["MADE"]).read_bytes()
    if "MADE" in os.environ
    else json.dumps(arguments).encode()
)
"""
"""What stands for tf2onnx: it writes down how it was called, or copies a model."""


def text(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def node(name: str, operator: str, *inputs: str) -> bytes:
    parts = [text(1, name.encode()), text(2, operator.encode())]
    return text(1, b"".join([*parts, *(text(3, i.encode()) for i in inputs)]))


GRAPH = b"".join(
    [
        node("image", "Placeholder"),
        node("w", "Const"),
        node("conv", "Conv2D", "image", "w"),
        node("relu", "Relu", "conv:0"),
        node("init", "NoOp", "^conv"),
        node("scores", "Softmax", "relu"),
    ]
)


@pytest.fixture
def tf2onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "tf2onnx"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "convert.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(package.parent)


def graph_def(folder: Path, name: str = "model.pb") -> Path:
    path = folder / name
    path.write_bytes(GRAPH)
    return path


@pytest.mark.usefixtures("tf2onnx")
def test_a_graph_def_is_converted_from_its_placeholders_to_what_nothing_reads(
    tmp_path: Path,
) -> None:
    path = graph_def(tmp_path)
    with tensorflow_as_onnx((path,)) as (made,):
        arguments = json.loads(made.read_text())
        assert made.name == "model.onnx"
    assert arguments[:2] == ["--graphdef", str(path)]
    assert arguments[2:6] == ["--inputs", "image:0", "--outputs", "scores:0"]
    assert not made.exists()


@pytest.mark.usefixtures("tf2onnx")
def test_outputs_that_are_asked_for_are_handed_on(tmp_path: Path) -> None:
    with tensorflow_as_onnx((graph_def(tmp_path),), ["relu:0"]) as (made,):
        assert json.loads(made.read_text())[4:6] == ["--outputs", "relu:0"]


@pytest.mark.usefixtures("tf2onnx")
def test_a_saved_model_is_converted_from_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x08\x01\x12\x02\x0a\x00")
    for path in (folder, folder / "saved_model.pb"):
        with tensorflow_as_onnx((path,)) as (made,):
            assert json.loads(made.read_text())[:2] == ["--saved-model", str(folder)]


@pytest.mark.usefixtures("tf2onnx")
def test_what_tf2onnx_says_is_handed_on(tmp_path: Path) -> None:
    path = graph_def(tmp_path, "broken.pb")
    with (
        pytest.raises(UnsupportedError, match=r"tf2onnx\.convert.*Magic"),
        tensorflow_as_onnx((path,)),
    ):
        pass


@pytest.mark.usefixtures("tf2onnx")
def test_a_converted_graph_def_is_reported_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made.onnx"
    onnx.save(node_model("Relu", {"x": np.ones((1, 3), np.float32)}), made)
    monkeypatch.setenv("MADE", str(made))
    path = graph_def(tmp_path)
    report = opt_tool.convert(path, tmp_path / "model.nb")
    assert report.source.path == str(path)
    assert report.source.bytes == len(GRAPH)
    assert report.verification.status == "passed"


def test_without_tf2onnx_the_files_stay_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    path = graph_def(tmp_path)
    with tensorflow_as_onnx((path,)) as files:
        assert files == (path,)
