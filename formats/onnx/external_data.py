"""Where the external data of ONNX models may lie: in the model's folder, unless the user says.

A model is a stranger's text, and must not make opt read any file that it names. The user allows
one folder more by the environment variable OPT_EXTERNAL_DATA: it holds for every command and for
the processes that a command starts.
"""

from __future__ import annotations

import os
from pathlib import Path

import onnx
from onnx import TensorProto

from opt_tool.errors import DamagedFileError

VARIABLE = "OPT_EXTERNAL_DATA"


def allowed_folder() -> Path | None:
    """The folder that the user allows besides the model's own."""
    folder = os.environ.get(VARIABLE, "")
    return Path(folder).resolve() if folder else None


def located(location: str, directory: Path, name: str) -> Path:
    """The file that a model in ``directory`` names; links are followed before it is judged.

    Raises:
        DamagedFileError: when it lies where external data may not.
    """
    allowed = allowed_folder()
    nameless = location == "" or "\0" in location
    path = directory if nameless else (directory / location).resolve()
    own = not Path(location).is_absolute() and path.is_relative_to(directory.resolve())
    if nameless or not (own or (allowed is not None and path.is_relative_to(allowed))):
        raise DamagedFileError(
            directory,
            f"external data of tensor {name!r} lie outside of the model's folder ({location!r}); "
            "put them beside the model and name them by their file name, or, if you trust the "
            f"model, allow a folder: {VARIABLE}=FOLDER opt ...",
        )
    return path


def folder_for_onnxruntime(directory: Path) -> Path:
    """A folder that holds the model's and the allowed one; onnxruntime leaves it never."""
    allowed = allowed_folder()
    if allowed is None:
        return directory
    return Path(os.path.commonpath((directory, allowed)))


def relocate(model: onnx.ModelProto, directory: Path) -> None:
    """Name the external data of a model's weights from ``folder_for_onnxruntime`` on."""
    folder = folder_for_onnxruntime(directory)
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        for entry in tensor.external_data:
            if entry.key == "location":
                path = located(entry.value, directory, tensor.name)
                entry.value = path.relative_to(folder).as_posix()
