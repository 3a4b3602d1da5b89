"""Where the external data of ONNX models may lie: in the model's folder, unless the user says.

A model is a stranger's text, and must not make opt read any file that it names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from opt_tool.errors import DamagedFileError
from opt_tool.formats.onnx.messages import ModelProto, TensorProto


class DataFolders(NamedTuple):
    """The folders that external data are read from, links followed.

    Attributes:
        own: The model's folder.
        allowed: Another one, which the user trusts the model with.
    """

    own: Path
    allowed: Path | None = None

    @classmethod
    def of(cls, model: Path, allowed: Path | None) -> DataFolders:
        """Those of a model's file."""
        return cls(model.resolve().parent, None if allowed is None else allowed.resolve())

    def located(self, location: str, name: str) -> Path:
        """The file that a tensor names; links are followed before it is judged.

        Raises:
            DamagedFileError: when it lies where external data may not.
        """
        nameless = location == "" or "\0" in location
        path = self.own if nameless else (self.own / location).resolve()
        own = not Path(location).is_absolute() and path.is_relative_to(self.own.resolve())
        allowed = self.allowed is not None and path.is_relative_to(self.allowed)
        if nameless or not (own or allowed):
            raise DamagedFileError(
                self.own,
                f"external data of tensor {name!r} lie outside of the model's folder "
                f"({location!r}); put them beside the model and name them by their file name, or, "
                "if you trust the model, name their folder: opt convert --external-data DIR",
            )
        return path

    @property
    def common(self) -> Path:
        """A folder that holds both; onnxruntime never leaves the one that it is given."""
        if self.allowed is None:
            return self.own
        return Path(os.path.commonpath((self.own, self.allowed)))

    def relocate(self, model: ModelProto) -> None:
        """Name the external data of a model's weights from the common folder on."""
        for tensor in weights_of(model):
            if tensor.data_location != TensorProto.EXTERNAL:
                continue
            for entry in tensor.external_data:
                if entry.key == "location":
                    path = self.located(entry.value, tensor.name)
                    entry.value = path.relative_to(self.common).as_posix()


def weights_of(model: ModelProto) -> Iterator[TensorProto]:
    """The tensors of a model's own graph: its initializers, and what its nodes hold."""
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
