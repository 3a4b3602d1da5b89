"""Walks the fields of a protobuf message without knowing its schema.

That is enough to tell kinds of models apart, however large their weights are: nothing
but tags and lengths is read. A message that ends early yields what came before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
LONGEST_VARINT = 10


class Field(NamedTuple):
    """One field: its number, wire type, and where its contents lie."""

    number: int
    wire_type: int
    start: int
    end: int


class NotProtobufError(ValueError):
    """Bytes that no protobuf message begins with."""


def fields(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message in ``data[start:end]``; the last may reach past the data.

    Raises:
        NotProtobufError: at a tag that no protobuf message has.
    """
    limit = len(data) if end is None else min(end, len(data))
    position = start
    while position < limit:
        tag, position = _varint(data, position, limit)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or number >= 1 << 29:
            raise NotProtobufError(f"field {number}")
        if wire_type == LENGTH_DELIMITED:
            length, position = _varint(data, position, limit)
        elif wire_type == VARINT:
            length = _varint(data, position, limit)[1] - position
        elif wire_type in FIXED_SIZES:
            length = FIXED_SIZES[wire_type]
        else:
            raise NotProtobufError(f"wire type {wire_type}")
        yield Field(number, wire_type, position, position + length)
        position += length


def _varint(data: bytes | memoryview, position: int, limit: int) -> tuple[int, int]:
    """The number at a position and where it ends; a cut one counts as ended."""
    number = 0
    for index in range(LONGEST_VARINT):
        if position + index >= limit:
            return number, limit
        byte = data[position + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, position + index + 1
    raise NotProtobufError("a number of more than 64 bits")
