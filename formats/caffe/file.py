"""Opens the two files of a Caffe model: from bytes to checked messages of today's form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError
from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.state import present_layers
from opt_tool.formats.caffe.text import parse_network
from opt_tool.formats.caffe.upgrade import upgrade
from opt_tool.formats.caffe.weights import Weights

MESSAGE_LIMIT = 2**31 - 1
"""Protobuf messages are not larger."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """A network in the state of testing.

    ``inputs`` are those of the old form, which stand beside the layers.
    """

    name: str
    inputs: dict[str, Shape]
    layers: list[caffe_pb2.LayerParameter]


def load_network(path: Path, is_read: Callable[[str], bool]) -> Network:
    """Parse a prototxt.

    Args:
        path: The file.
        is_read: Whether the parameters of layers of a type are read.

    Raises:
        FileAccessError: when the file cannot be read.
        DamagedFileError: when it is no network; a mistake has its line and column.
        UnsupportedError: when its layers are of the oldest generation.
    """
    message = parse_network(path, _read(path), is_read)
    upgrade(path, message)
    layers = present_layers(message)
    if not layers:
        raise DamagedFileError(path, "a network without layers")
    return Network(message.name or path.stem, _inputs(path, message), layers)


def load_weights(path: Path) -> Weights:
    """Parse a caffemodel.

    Raises:
        FileAccessError: when the file cannot be read.
        DamagedFileError: when it is not a whole caffemodel.
        UnsupportedError: when it is larger than protobuf allows, or too old.
    """
    data = _read(path)
    message = caffe_pb2.NetParameter()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise DamagedFileError(
            path, "not a whole caffemodel (the protobuf cannot be parsed); copy it again"
        ) from error
    try:
        upgrade(path, message)
    except UnicodeDecodeError as error:  # protobuf copies texts, and looks at them only then
        raise DamagedFileError(path, "a name in it is not UTF-8; copy the file again") from error
    return Weights(path, message.layer)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MESSAGE_LIMIT:
            raise UnsupportedError(
                f"{path}: {size} bytes; protobuf files of more than {MESSAGE_LIMIT} cannot be read"
            )
        return path.read_bytes()
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror}") from error


def _inputs(path: Path, network: caffe_pb2.NetParameter) -> dict[str, Shape]:
    """The inputs that stand beside the layers, with ``input_dim`` or ``input_shape``."""
    names = list(network.input)
    if network.input_shape:
        shapes = [tuple(shape.dim) for shape in network.input_shape]
    else:
        dims = tuple(network.input_dim)
        shapes = [dims[start : start + 4] for start in range(0, len(dims), 4)]
    if len(shapes) != len(names):
        raise DamagedFileError(
            path,
            f"{len(names)} inputs with {len(shapes)} shapes; each `input` needs an "
            "`input_shape`, or four `input_dim`",
        )
    return dict(zip(names, shapes, strict=True))
