"""Tells what kind of model a file holds, by its content.

Names prove little: exporters write ``.pb`` for three formats and downloads that failed
are web pages called ``.onnx``. The order of the checks is the order of how sure they are:
magic numbers, then texts, then protobuf messages by the fields that they have.
"""

from __future__ import annotations

import enum
import mmap
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from opt_tool.api.wire_format import (
    LENGTH_DELIMITED,
    VARINT,
    Field,
    NotProtobufError,
    fields,
)
from opt_tool.errors import DamagedFileError, FileAccessError

HEAD = 4096
NB_META_VERSIONS = (0, 1, 2)
MANY_FIELDS = 64
"""So many top-level fields are enough to know a message by."""


class FileFormat(enum.Enum):
    """What a file can be; the value is the name in reports."""

    ONNX = "onnx"
    PADDLE_LITE = "paddle_lite"
    CAFFE = "caffe"
    """A network and its weights, two files of the next two formats."""
    CAFFE_PROTOTXT = "caffe_prototxt"
    CAFFE_MODEL = "caffe_model"
    TFLITE = "tflite"
    SAVED_MODEL = "saved_model"
    GRAPH_DEF = "graph_def"
    PADDLE = "paddle"
    PADDLE_JSON = "paddle_json"
    PYTORCH = "pytorch"
    KERAS = "keras"
    OPENVINO = "openvino"
    SAFETENSORS = "safetensors"


Check: TypeAlias = Callable[[bytes], FileFormat | None]
"""Looks at the first bytes of a file."""


def detect(path: Path) -> FileFormat:
    """What kind of model a file or folder holds.

    Raises:
        FileAccessError: when it cannot be read.
        DamagedFileError: when it is empty or no model that opt knows.
    """
    if path.is_dir():
        return _detect_folder(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            found = _by_head(path, head)
            return found if found is not None else _by_protobuf(path, head, stream.fileno())
    except FileNotFoundError as error:
        raise FileAccessError(path, "there is no such file") from error
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror}") from error


def _detect_folder(path: Path) -> FileFormat:
    if (path / "saved_model.pb").exists():
        return FileFormat.SAVED_MODEL
    raise FileAccessError(path, "is a folder; give the model file in it")


def _by_head(path: Path, head: bytes) -> FileFormat | None:
    if not head:
        raise DamagedFileError(path, "the file is empty; export or copy the model again")
    for check in (_by_magic, _by_paddle_lite):
        found = check(head)
        if found is not None:
            return found
    if head.startswith(b"PK\x03\x04"):
        return _in_zip(path)
    return _by_text(path, head) if _is_text(head) else None


def _by_magic(head: bytes) -> FileFormat | None:
    if head[4:8] == b"TFL3":
        return FileFormat.TFLITE
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return FileFormat.KERAS
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return FileFormat.PYTORCH  # a pickle
    if head[8:9] == b"{" and b'"dtype"' in head and b'"data_offsets"' in head:
        return FileFormat.SAFETENSORS
    return None


def _by_paddle_lite(head: bytes) -> FileFormat | None:
    """Two bytes of meta version, then a text such as v2.12 padded to 16 bytes."""
    version = int.from_bytes(head[:2], "little")
    if version in NB_META_VERSIONS and re.match(rb"v?\d+\.\d+|[0-9a-f]{7,16}", head[2:18]):
        return FileFormat.PADDLE_LITE
    return None


def _in_zip(path: Path) -> FileFormat:
    import zipfile  # which no model that can be read needs

    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()]
    except zipfile.BadZipFile as error:
        raise DamagedFileError(
            path, "a ZIP archive that is not whole; copy or export the model again"
        ) from error
    if "data.pkl" in names:
        return FileFormat.PYTORCH
    if "model.weights.h5" in names:
        return FileFormat.KERAS
    raise DamagedFileError(path, "a ZIP archive, not a model; unpack it and give the model in it")


# ---- texts


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a letter may be cut at the end
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\r\n\t\f\ufeff" for char in text)


def _by_text(path: Path, head: bytes) -> FileFormat:
    text = head.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    if text.startswith("version https://git-lfs"):
        raise DamagedFileError(
            path, "a Git LFS pointer, not the model; `git lfs pull` fetches the model"
        )
    if re.match(r"<!doctype html|<html", text, re.IGNORECASE):
        raise DamagedFileError(path, "a web page, not a model; download the file itself")
    if text.startswith("<") and "<net" in text:
        return FileFormat.OPENVINO
    if text.startswith("{") and '"program"' in text:
        return FileFormat.PADDLE_JSON
    if re.search(r"^\s*(layers?|input_param|input_shape)\s*\{|^\s*input\s*:", text, re.MULTILINE):
        return FileFormat.CAFFE_PROTOTXT
    raise DamagedFileError(
        path, "a text file, not a model; give the .onnx or .nb file that the export wrote"
    )


# ---- protobuf messages


def _by_protobuf(path: Path, head: bytes, descriptor: int) -> FileFormat:
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
        try:
            found = _by_fields(view)
        except NotProtobufError:
            found = None
    if found is None:
        raise DamagedFileError(
            path,
            "not a model of a kind that opt knows, or damaged at its very start "
            f"(it begins with {head[:8].hex(' ')}); copy or export it again",
        )
    return found


def _by_fields(data: memoryview) -> FileFormat | None:
    """Tell messages apart by the fields that only one of them has.

    ``ModelProto`` of ONNX has the graph in field 7 and opsets in field 8, ``NetParameter``
    of Caffe layers in field 100 (old ones: 2), ``GraphDef`` and ``ProgramDesc`` of Paddle
    begin with a message: a node with its name, or a block with its number.
    """
    first: dict[int, Field] = {}
    for count, field in enumerate(fields(data)):
        first.setdefault(field.number, field)
        if count >= MANY_FIELDS:
            break
    one, two = first.get(1), first.get(2)
    if 100 in first:
        return FileFormat.CAFFE_MODEL
    if one is None:
        return FileFormat.ONNX if {7, 8} <= set(first) else None
    if one.wire_type == VARINT:
        saved = two is not None and set(first) == {1, 2} and _begins_with(data, two, 0x0A)
        return FileFormat.SAVED_MODEL if saved else FileFormat.ONNX
    if one.wire_type != LENGTH_DELIMITED:
        return None
    if _is_text(bytes(data[one.start : one.end][:HEAD])):
        return FileFormat.CAFFE_MODEL
    if _begins_with(data, one, 0x08):
        return FileFormat.PADDLE
    return FileFormat.GRAPH_DEF if _begins_with(data, one, 0x0A) else None


def _begins_with(data: memoryview, field: Field, tag: int) -> bool:
    return field.wire_type == LENGTH_DELIMITED and bytes(data[field.start : field.start + 1]) == (
        bytes([tag])
    )
