"""Every message of the troubleshooting page is provoked as a user would meet it."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

from command_line import opt
from opt_tool.api import official_runtime
from opt_tool.api.visualization import dot
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from pages import DOCS, ROOT
from small_caffe_models import small_model
from small_models import classifier, unsupported

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)
Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Trouble:
    """A command that ends in a message; ``patch`` makes the machine one where it does."""

    message: str
    exit_code: int
    command: str
    patch: Patch | None = None


def wrong_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read back with filters that are not those that were written."""
    read = paddle_lite.read

    def reading(path: Path) -> Graph:
        graph = read(path)
        weight = next(value for value in graph.constants if value.rank == 4)
        weight.data = weight.array() + 1
        return graph

    monkeypatch.setattr(paddle_lite, "read", reading)


def no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dot, "missing_graphviz", lambda: "pygraphviz is not installed")


def no_official_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", Path("nowhere"))


OPEN = """
    <ir_version: 8, opset_import: ["" : 17]>
    open (float[4, "h"] x) => (float[4, "g"] y) <int64[4] pads = {0, 2, 0, 2}>
    { y = Pad <mode = "reflect"> (x, pads) }
"""
WANTING = """
    <ir_version: 8, opset_import: ["" : 17]>
    wanting (float[4] x, int64[1] k) => (float["n"] y, int64["n"] i) { y, i = TopK (x, k) }
"""
QUANTIZE = "quantize model.onnx -o out.nb --no-calib"
TROUBLES = (
    Trouble("there is no such file", 6, "convert missing.onnx -o out.nb"),
    Trouble("the file is empty; export or copy the model again", 5, "inspect empty.onnx"),
    Trouble("not a whole ONNX model", 5, "inspect cut.onnx"),
    Trouble("a Git LFS pointer, not the model", 5, "inspect pointer.onnx"),
    Trouble("a web page, not a model", 5, "inspect page.onnx"),
    Trouble("a text file, not a model", 5, "inspect text.onnx"),
    Trouble("a ZIP archive, not a model", 5, "inspect archive.onnx"),
    Trouble("does not exist; make it first", 6, "convert model.onnx -o missing/out.nb"),
    Trouble("is the input; give the output another name", 6, "convert model.onnx -o model.onnx"),
    Trouble("a PyTorch checkpoint or another pickle", 3, "inspect model.pt"),
    Trouble("a Keras model", 3, "inspect model.h5"),
    Trouble("weights without a network", 3, "inspect model.safetensors"),
    Trouble("an OpenVINO model", 3, "inspect model.xml"),
    Trouble("a Paddle 3 program", 3, "inspect model.json"),
    Trouble("a Caffe network; its weights are in another file", 2, "inspect deploy.prototxt"),
    Trouble("Caffe weights; their network is in another file", 2, "inspect weights.caffemodel"),
    Trouble("nodes cannot be converted", 3, "convert odd.onnx -o out.nb"),
    Trouble("no input is called", 2, "inspect model.onnx --input-shape picture=1,3,8,8"),
    Trouble("is not of the form NAME=1,3,224,224", 2, "inspect model.onnx --input-shape 1,3"),
    Trouble(
        "is known only at run time; give the input's shape with --input-shape",
        3,
        "inspect open.onnx",
    ),
    Trouble("which the target needs at conversion", 3, "inspect wanting.onnx"),
    Trouble("the outputs of a .nb file are fixed", 2, "convert model.nb -o out.nb --output scores"),
    Trouble("are quantized already", 2, "quantize small.nb -o out.nb --no-calib"),
    Trouble("no operation with a weight is called", 2, f"{QUANTIZE} --keep-float nothing"),
    Trouble(
        "does not compute what the source computes",
        4,
        "convert model.onnx -o out.nb",
        wrong_weights,
    ),
    Trouble("the quantized weights change the outputs too much", 4, f"{QUANTIZE} --min-sqnr 200"),
    Trouble(
        "this std is for pixels from 0 to 1", 2, "verify model.onnx model.nb --samples . --std 0.2"
    ),
    Trouble("the file was not verified", 0, "convert model.onnx -o out.nb --no-verify"),
    Trouble("SVG needs Graphviz", 2, "visualize model.onnx -o out.svg", no_graphviz),
    Trouble("must end in .html, .htm, .svg, .dot", 2, "visualize model.onnx -o out.png"),
    Trouble(
        "is not installed",
        2,
        "run model.nb --input image.npy --output-dir results --backend paddlelite",
        no_official_runtime,
    ),
)
TFLITE_TESTS = ROOT / "tests" / "formats" / "tflite"

ELSEWHERE = {
    "opt has a fault": ROOT / "tests" / "cli" / "test_errors.py",
    "it keeps a state from one run to the next": TFLITE_TESTS / "test_open_state.py",
    "The file leaves sizes of its inputs open": TFLITE_TESTS / "test_operators.py",
    "opt makes up at most": ROOT / "tests" / "formats" / "onnx" / "test_imported_node.py",
}
"""Messages that another test provokes, which has what it takes to make the file."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each kind that the commands name."""
    folder = tmp_path_factory.mktemp("troubles")
    model = classifier(folder / "model.onnx")
    unsupported(folder / "odd.onnx")
    small_model(folder)
    onnx.save(onnx.parser.parse_model(OPEN), folder / "open.onnx")
    onnx.save(onnx.parser.parse_model(WANTING), folder / "wanting.onnx")
    (folder / "empty.onnx").touch()
    (folder / "cut.onnx").write_bytes(model.read_bytes()[:600])
    texts = {
        "pointer.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "page.onnx": "<!doctype html><title>model.onnx</title>\n",
        "text.onnx": "this is not a model\n",
        "model.xml": '<?xml version="1.0"?><net name="model" version="11"></net>\n',
        "model.json": json.dumps({"base_code": {}, "program": {}}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "archive.onnx", "w") as archive:
        archive.writestr("readme.txt", "no model")
    (folder / "model.pt").write_bytes(pickle.dumps({"weight": [1.0]}))
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    np.save(folder / "image.npy", np.zeros((1, 3, 16, 16), np.float32))
    opt("convert", model, "-o", folder / "model.nb", "--no-verify", "--target", "x86")
    opt("quantize", model, "-o", folder / "small.nb", "--no-calib", "--no-verify")
    return folder


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.message)
def test_the_message_is_what_the_page_says(
    trouble: Trouble, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if trouble.patch is not None:
        trouble.patch(monkeypatch)
    result = opt(*trouble.command.split())
    assert trouble.message in result.stderr
    assert result.exit_code == trouble.exit_code
    assert (tmp_path / "out.nb").exists() == (trouble.exit_code == 0)


def test_the_page_has_these_messages_and_no_others() -> None:
    known = [trouble.message for trouble in TROUBLES] + list(ELSEWHERE)
    assert sorted(HEADINGS) == sorted(known)
    for message, test in ELSEWHERE.items():
        assert message in test.read_text(encoding="utf-8")
