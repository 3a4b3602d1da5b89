"""Mutants of model files: each format's files parsed, changed as trees, and written again."""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import flatbuffers
import numpy as np
import onnx
from google.protobuf import text_format
from google.protobuf.message import Message

from hostile_models import byte_changes, trees
from opt_tool.errors import OptError
from opt_tool.formats.caffe.caffe_pb2 import NetParameter
from opt_tool.formats.paddle_lite import schema
from opt_tool.formats.paddle_lite.decode import decode
from opt_tool.formats.paddle_lite.encode import encode
from opt_tool.targets import AttributeType

BYTES_SHARE = 0.3
"""So many of the mutants are changed byte by byte."""

LARGE = 256
"""Vectors of more numbers than this are weights."""

UNWRITABLE = (
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    AssertionError,
    struct.error,
    OptError,
)
"""What writers raise for a tree that their format cannot hold."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model's files, each with the kind it is of: ``onnx``, ``prototxt`` and so on."""

    name: str
    files: Mapping[str, bytes]


Change: TypeAlias = Callable[[bytes, random.Random], bytes]


def mutants(models: list[Model], seed: int, numbers: Iterable[int]) -> Iterator[tuple[int, Model]]:
    """A mutant for each number, of the models in turn; the same ones for the same seed."""
    for number in numbers:
        rng = random.Random(f"{seed}.{number}")
        yield number, mutant(models[number % len(models)], rng, f"{seed}.{number}")


def mutant(model: Model, rng: random.Random, name: str) -> Model:
    """A model with one of its files changed."""
    kind = rng.choice(sorted(model.files))
    data = model.files[kind]
    change = byte_changes.change if rng.random() < BYTES_SHARE else CHANGES[kind]
    return Model(name, {**model.files, kind: change(data, rng)})


def change_structure(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Bytes of a kind changed as what they mean; as bytes where they mean nothing."""
    return CHANGES[kind](data, rng)


def _times(rng: random.Random) -> range:
    return range(rng.choice((1, 1, 1, 2, 3, 5)))


def _message_change(new: Callable[[], Message]) -> Change:
    def change(data: bytes, rng: random.Random) -> bytes:
        message = new()
        message.ParseFromString(data)
        for _ in _times(rng):
            trees.change(message, rng)
        return message.SerializeToString()

    return change


def _change_prototxt(data: bytes, rng: random.Random) -> bytes:
    message = NetParameter()
    text_format.Parse(data.decode("utf-8", "replace"), message, allow_unknown_field=True)
    for _ in _times(rng):
        trees.change(message, rng)
    return text_format.MessageToString(message).encode()


# ---- flatbuffers


def _change_tflite(data: bytes, rng: random.Random) -> bytes:
    from ai_edge_litert import schema_py_generated as tflite

    model = tflite.ModelT.InitFromPackedBuf(data, 0)
    _lists_for_arrays(model)
    for _ in range(8):
        for _ in _times(rng):
            trees.change(model, rng)
        builder = flatbuffers.Builder(len(data))
        try:
            builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        except (*UNWRITABLE, AttributeError):
            model = tflite.ModelT.InitFromPackedBuf(data, 0)
            _lists_for_arrays(model)
            continue
        return bytes(builder.Output())
    return byte_changes.change(data, rng)


def _lists_for_arrays(tree: Any) -> None:  # generated classes
    """Make the short arrays of a tree lists, which can be changed."""
    for name, child in vars(tree).items():
        if isinstance(child, np.ndarray) and child.size <= LARGE:
            setattr(tree, name, child.tolist())
        elif isinstance(child, list):
            for item in child:
                if hasattr(item, "__dict__"):
                    _lists_for_arrays(item)
        elif hasattr(child, "__dict__"):
            _lists_for_arrays(child)


def _change_nb(data: bytes, rng: random.Random) -> bytes:
    file = decode(data)
    for _ in range(8):
        tree = thaw(file)
        for _ in _times(rng):
            trees.change(tree, rng)
        try:
            return encode(frozen(tree))
        except UNWRITABLE:
            continue
    return byte_changes.change(data, rng)


def thaw(part: Any) -> Any:  # any part of ``schema``
    """A part of a file with attributes, lists and dictionaries that can be changed."""
    if _fields(part):
        return Thawed(part)
    if isinstance(part, Mapping):
        return [thaw(_Pair(key, value)) for key, value in part.items()]
    if isinstance(part, tuple):
        return [thaw(item) for item in part]
    return int(part) if isinstance(part, int) and not isinstance(part, bool) else part


def _fields(part: Any) -> tuple[str, ...]:  # any part of ``schema``
    """The names of the fields of a dataclass or a named tuple."""
    if dataclasses.is_dataclass(part):
        return tuple(field.name for field in dataclasses.fields(part))
    return getattr(part, "_fields", ())


class Thawed:
    """A dataclass or a named tuple whose fields can be changed."""

    __slots__ = ("__dict__", "kind")

    def __init__(self, part: Any) -> None:  # with fields
        self.kind = type(part)
        for name in _fields(part):
            setattr(self, name, thaw(getattr(part, name)))


@dataclass(frozen=True)
class _Pair:
    """An entry of a mapping, so that its key can be changed as well."""

    key: Any
    value: Any


MAPPINGS = frozenset({"inputs", "outputs", "attributes", "op_versions"})


def frozen(tree: Any) -> Any:
    """What ``thaw`` was given, with the changes."""
    if isinstance(tree, list):
        return tuple(frozen(item) for item in tree)
    if not isinstance(tree, Thawed):
        return tree
    fields = {name: frozen(child) for name, child in vars(tree).items()}
    for name in MAPPINGS & set(fields):
        fields[name] = {pair.key: pair.value for pair in fields[name]}
    if tree.kind is schema.Attribute:
        fields["type"] = AttributeType(fields["type"])
    if tree.kind is schema.Var:
        fields["type"] = schema.VarType(fields["type"])
    return tree.kind(**fields)


CHANGES: Mapping[str, Change] = {
    "onnx": _message_change(onnx.ModelProto),
    "prototxt": _change_prototxt,
    "caffemodel": _message_change(NetParameter),
    "tflite": _change_tflite,
    "nb": _change_nb,
}
"""How a file of each kind is changed as what it means."""
