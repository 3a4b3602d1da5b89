from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from opt_tool.api.file_format import FileFormat, detect
from opt_tool.errors import DamagedFileError, FileAccessError
from small_models import classifier


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return stream.getvalue()


def message(number: int, content: bytes) -> bytes:
    """A protobuf field that holds bytes."""
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    return head + bytes([len(content)]) + content


GRAPH_DEF_NODE = message(1, message(1, b"input") + message(2, b"Placeholder"))
PADDLE_BLOCK = message(1, b"\x08\x00\x10\x00" + message(3, message(1, b"x")))

CONTENTS = [
    (b"\x1c\x00\x00\x00TFL3" + bytes(20), FileFormat.TFLITE),
    (b"\x02\x00v2.12" + bytes(40), FileFormat.PADDLE_LITE),
    (b"\x02\x00v2.10-rc" + bytes(40), FileFormat.PADDLE_LITE),
    (b'name: "net"\nlayer {\n  name: "data"\n}\n', FileFormat.CAFFE_PROTOTXT),
    (b'input: "data"\ninput_dim: 1\n', FileFormat.CAFFE_PROTOTXT),
    (b"# comment\r\nlayers {\r\n}", FileFormat.CAFFE_PROTOTXT),
    (message(1, b"LeNet") + message(2, message(1, b"conv")), FileFormat.CAFFE_MODEL),
    (message(1, b"LeNet") + message(100, message(1, b"conv")), FileFormat.CAFFE_MODEL),
    (message(100, message(1, b"conv")), FileFormat.CAFFE_MODEL),
    (GRAPH_DEF_NODE * 2, FileFormat.GRAPH_DEF),
    (b"\x08\x01" + message(2, message(1, b"\x22\x00")), FileFormat.SAVED_MODEL),
    (PADDLE_BLOCK + message(4, b"\x08\x00"), FileFormat.PADDLE),
    (b'{"base_code": {"magic": "pir"}, "program": {}}', FileFormat.PADDLE_JSON),
    (zipped("archive/data.pkl", "archive/version"), FileFormat.PYTORCH),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", FileFormat.PYTORCH),
    (zipped("config.json", "model.weights.h5"), FileFormat.KERAS),
    (b"\x89HDF\r\n\x1a\n" + bytes(8), FileFormat.KERAS),
    (b'<?xml version="1.0"?>\n<net name="m" version="11">', FileFormat.OPENVINO),
    (
        b'\x40\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        FileFormat.SAFETENSORS,
    ),
]


@pytest.mark.parametrize(("content", "expected"), CONTENTS, ids=lambda x: str(x)[:24])
def test_knows_formats_by_their_content(
    tmp_path: Path, content: bytes, expected: FileFormat
) -> None:
    path = tmp_path / "model.onnx"  # the name says nothing
    path.write_bytes(content)
    assert detect(path) is expected


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 1.0])
def test_knows_onnx_also_when_it_is_cut(tmp_path: Path, part: float) -> None:
    data = classifier(tmp_path / "whole.onnx").read_bytes()
    path = tmp_path / "model.bin"
    path.write_bytes(data[: int(len(data) * part)])
    assert detect(path) is FileFormat.ONNX


def test_knows_a_saved_model_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    assert detect(tmp_path) is FileFormat.SAVED_MODEL


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "empty"),
        (b"hello, this is not a model\n", "a text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04 cut", "not whole"),
        (zipped("readme"), "unpack it"),
        (b"\xff\xd8\xff\xe0" * 10, "not a model"),
        (b"\x00" * 100, "not a model"),
    ],
    ids=lambda x: str(x)[:16],
)
def test_says_what_a_file_is_that_is_no_model(tmp_path: Path, content: bytes, fact: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=fact) as caught:
        detect(path)
    assert str(path) in str(caught.value)


def test_refuses_what_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="no such file"):
        detect(tmp_path / "model.onnx")
    with pytest.raises(FileAccessError, match="is a folder"):
        detect(tmp_path)
