"""Turns TensorFlow's own formats into ONNX, where tf2onnx is installed.

tf2onnx runs in a process of its own: it brings TensorFlow along, and what that does at
import or on bad input is kept away from here.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opt_tool.api.file_format import FileFormat, detect
from opt_tool.api.leftovers import temporary_folder
from opt_tool.api.wire_format import LENGTH_DELIMITED, NotProtobufError, fields
from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError

NODE, NAME, OPERATOR, INPUT = 1, 1, 2, 3
"""Field numbers: GraphDef.node, and name, op and input of NodeDef."""

LAST_LINES = 3


@contextmanager
def tensorflow_as_onnx(
    files: tuple[Path, ...], outputs: Sequence[str] = ()
) -> Iterator[tuple[Path, ...]]:
    """The files to read instead: an ONNX model for one of TensorFlow's, else the same.

    Without tf2onnx they stay the same too, and reading them says what to do.

    Args:
        files: The model's files.
        outputs: The tensors to compute, by default what nothing else reads.

    Raises:
        UnsupportedError: when tf2onnx cannot convert the model.
    """
    format = detect(files[0]) if len(files) == 1 else None
    known = format in (FileFormat.GRAPH_DEF, FileFormat.SAVED_MODEL)
    if not known or importlib.util.find_spec("tf2onnx") is None:
        yield files
        return
    (path,) = files
    with temporary_folder() as folder:
        onnx = folder / f"{path.stem}.onnx"
        if format is FileFormat.GRAPH_DEF:
            source = ["--graphdef", str(path), *_ends(path, outputs)]
        else:
            source = ["--saved-model", str(path if path.is_dir() else path.resolve().parent)]
        _convert(path, source, onnx)
        yield (onnx,)


def _convert(path: Path, source: Sequence[str], onnx: Path) -> None:
    import subprocess

    command = [sys.executable, "-m", "tf2onnx.convert", *source, "--output", str(onnx)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 or not onnx.is_file():
        lines = (result.stderr or result.stdout).strip().splitlines()[-LAST_LINES:]
        raise UnsupportedError(
            f"{path}: tf2onnx cannot convert the model; `{' '.join(command)}` says why: "
            + " / ".join(lines)
        )


def _ends(path: Path, outputs: Sequence[str]) -> list[str]:
    """The options that name a GraphDef's inputs and outputs, which it does not say itself."""
    try:
        nodes = list(_nodes(path.read_bytes()))
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror}") from error
    except (NotProtobufError, UnicodeDecodeError) as error:
        raise DamagedFileError(path, "not a whole GraphDef; copy or export it again") from error
    read = {name.removeprefix("^").partition(":")[0] for _, _, inputs in nodes for name in inputs}
    starts = [f"{name}:0" for name, operator, _ in nodes if operator == "Placeholder"]
    ends = list(outputs) or [
        f"{name}:0"
        for name, operator, _ in nodes
        if name not in read and operator not in ("Placeholder", "Const", "NoOp")
    ]
    if not starts or not ends:
        raise UnsupportedError(
            f"{path}: the graph has no Placeholder that it begins with or no result; freeze it "
            "for inference first"
        )
    return ["--inputs", ",".join(starts), "--outputs", ",".join(ends)]


def _nodes(data: bytes) -> Iterator[tuple[str, str, list[str]]]:
    """Name, operator and inputs of each node of a GraphDef."""
    for field in fields(data):
        if field.number != NODE or field.wire_type != LENGTH_DELIMITED:
            continue
        texts: dict[int, list[str]] = {NAME: [], OPERATOR: [], INPUT: []}
        for part in fields(data, field.start, field.end):
            if part.number in texts and part.wire_type == LENGTH_DELIMITED:
                texts[part.number].append(data[part.start : part.end].decode("utf-8"))
        yield "".join(texts[NAME][:1]), "".join(texts[OPERATOR][:1]), texts[INPUT]
