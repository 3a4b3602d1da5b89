"""Opens ONNX files: from bytes to a checked protobuf message."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError

from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError
from opt_tool.formats.onnx.definitions import STANDARD, newest_opset
from opt_tool.formats.onnx.detached_weights import parse_detached
from opt_tool.formats.onnx.messages import ModelProto
from opt_tool.formats.onnx.soundness import check_nodes, check_texts
from opt_tool.ir.mapped_arrays import mapped


def load_model(path: Path) -> ModelProto:
    """Parse an ONNX file without its external data; large weights stay in the file, too.

    Raises:
        FileAccessError: when the file cannot be read.
        DamagedFileError: when it is not a whole ONNX model.
        UnsupportedError: when its opset is newer than the installed onnx package.
    """
    try:
        data = mapped(path)
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror}") from error
    if data is None:
        raise DamagedFileError(path, "the file is empty; export or copy the model again")
    try:
        with memoryview(data) as view:
            model = parse_detached(view, path.resolve().name)
    except DecodeError as error:
        raise DamagedFileError(
            path, "not a whole ONNX model (the protobuf cannot be parsed); copy or export it again"
        ) from error
    _check(model, path)
    return model


def _check(model: ModelProto, path: Path) -> None:
    if not model.HasField("graph") or not model.opset_import:
        raise DamagedFileError(path, "not an ONNX model: it has no graph or no opset")
    check_texts(model, path)
    functions = (entry for function in model.functions for entry in function.opset_import)
    for entry in (*model.opset_import, *functions):
        if not 1 <= entry.version < 2**31:
            raise DamagedFileError(path, f"there is no opset {entry.version}; export it again")
    opset = max((x.version for x in model.opset_import if x.domain in STANDARD), default=1)
    if opset > newest_opset():
        _check_installed(opset, path)
    check_nodes(model, path)


def _check_installed(opset: int, path: Path) -> None:
    from onnx import defs

    newest = defs.onnx_opset_version()
    if opset > newest:
        raise UnsupportedError(
            f"{path}: opset {opset} is newer than the installed onnx package knows "
            f"({newest}); upgrade it with `pip install -U onnx`"
        )
