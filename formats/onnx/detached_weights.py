"""Leaves large weights in their file when an ONNX model is parsed.

protobuf copies whatever it parses, and NumPy would copy it once more. So the message is made
from the bytes around the weights, and its tensors point to their places in the file the way
they point to external data. For the encoding see
https://protobuf.dev/programming-guides/encoding, for the fields onnx.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError

from opt_tool.formats.onnx.external_data import weights_of
from opt_tool.formats.onnx.messages import ModelProto, TensorProto
from opt_tool.formats.onnx.tensors import DTYPES, element_type

RAW_DATA_OF_TENSOR = 9

FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor"},
}
"""The fields that lead to tensors, by the message that they lie in."""

SMALLEST_DETACHED = 64 * 1024
"""Bytes of a tensor below which it costs more to take it out than to copy it."""

LONGEST_VARINT = 10

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5


MOST_FIELDS = 500_000
"""Fields after which looking for weights is given up: protobuf counts them faster."""


class UnscannableError(Exception):
    """What is to be parsed as it is, to be read or refused by protobuf itself."""


class Field(NamedTuple):
    """One field of a message, by positions in the file; its content lies in front of ``end``."""

    number: int
    wire_type: int
    start: int
    content: int
    end: int


def parse_detached(data: memoryview, file_name: str) -> ModelProto:
    """Parse a model; its large weights become external data of the file ``file_name``.

    Raises:
        DecodeError: when the bytes are not a whole message.
    """
    model = ModelProto()
    whole = Field(0, LENGTH_DELIMITED, 0, 0, len(data))
    try:
        outside = _detached("model", data, whole, file_name)
    except (UnscannableError, DecodeError):
        outside = None
    model.ParseFromString(bytes(data) if outside is None else outside)
    return model


def attach(model: ModelProto, path: Path) -> None:
    """Copy the weights that were left in the file ``path`` into the message.

    Raises:
        OSError: when the file can no longer be read.
    """
    name = path.resolve().name
    for tensor in weights_of(model):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if entries.get("location") != name:
            continue
        with path.open("rb") as stream:
            stream.seek(int(entries["offset"]))
            tensor.raw_data = stream.read(int(entries["length"]))
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _detached(kind: str, data: memoryview, message: Field, file_name: str) -> bytes | None:
    """A message without the large weights in it; None where there are none.

    What lies between them stays together.
    """
    if kind == "tensor":
        return _detached_tensor(data, message, file_name)
    kept: list[bytes | memoryview] = []
    kept_from = message.content
    for field in _fields(data, message.content, message.end):
        inner = FIELDS[kind].get(field.number)
        is_small = field.end - field.content < SMALLEST_DETACHED
        if inner is None or is_small or field.wire_type != LENGTH_DELIMITED:
            continue
        content = _detached(inner, data, field, file_name)
        if content is not None:
            kept += [data[kept_from : field.start], _length_delimited(field.number, content)]
            kept_from = field.end
    return b"".join((*kept, data[kept_from : message.end])) if kept else None


def _detached_tensor(data: memoryview, weight: Field, file_name: str) -> bytes | None:
    """A tensor without its data; None for one that should be copied, or refused, as it is."""
    fields = list(_fields(data, weight.content, weight.end))
    raw = [field for field in fields if field.number == RAW_DATA_OF_TENSOR]
    if len(raw) != 1 or raw[0].wire_type != LENGTH_DELIMITED:
        return None
    tensor = TensorProto()
    tensor.ParseFromString(
        b"".join(data[field.start : field.end] for field in fields if field is not raw[0])
    )
    size = raw[0].end - raw[0].content
    if tensor.HasField("data_location") or tensor.external_data or not _holds(tensor, size):
        return None
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", file_name), ("offset", raw[0].content), ("length", size)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor.SerializeToString()


def _holds(tensor: TensorProto, size: int) -> bool:
    """Whether the raw data of a tensor are as many bytes as its elements."""
    if tensor.data_type not in DTYPES or any(dim < 0 for dim in tensor.dims):
        return False
    return math.prod(tensor.dims) * element_type(tensor.data_type).itemsize == size


def _fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that lies between two positions."""
    for _ in range(MOST_FIELDS):
        if start == end:
            return
        key, content = _varint(data, start, end)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise UnscannableError("a field without a number")
        if wire_type == LENGTH_DELIMITED:
            length, content = _varint(data, content, end)
            stop = content + length
        elif wire_type == VARINT:
            stop = _varint(data, content, end)[1]
        elif wire_type in (FIXED32, FIXED64):
            stop = content + (4 if wire_type == FIXED32 else 8)
        else:  # groups, which ONNX does not use
            raise UnscannableError(f"a field of the wire type {wire_type}")
        if stop > end:
            raise UnscannableError("a field reaches beyond its message")
        yield Field(number, wire_type, start, content, stop)
        start = stop
    raise UnscannableError(f"more than {MOST_FIELDS} fields")


def _varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    """An integer of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for count, byte in enumerate(data[position : min(position + LONGEST_VARINT, end)]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise UnscannableError("an integer without an end")


def _length_delimited(number: int, content: bytes) -> bytes:
    """The field of a message with this content."""
    return _varint_bytes(number << 3 | LENGTH_DELIMITED) + _varint_bytes(len(content)) + content


def _varint_bytes(value: int) -> bytes:
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))
