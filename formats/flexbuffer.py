"""Reads the numbers of a FlexBuffer that is a map, in which TFLite's custom operators say more.

A FlexBuffer ends with its root: the value, its packed type (kind << 2 | log2 of the bytes of
what lies in it) and its own bytes. A map is a vector of values behind their number; in front of
that stand the place of the vector of keys and the bytes of its elements, behind it the packed
types of the values. Every place is checked before it is read, and nothing is read twice: the
flatbuffers package's own reader takes places in front of a damaged buffer for some at its end.

https://flatbuffers.dev/internals/#flexbuffers
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from opt_tool.errors import DamagedFileError

INT, UINT, FLOAT = 1, 2, 3
MAP = 9
BOOL = 26
INDIRECT = 5
"""What is added to the kind of a number that lies elsewhere."""

CODES = {
    INT: {1: "b", 2: "h", 4: "i", 8: "q"},
    UINT: {1: "B", 2: "H", 4: "I", 8: "Q"},
    FLOAT: {2: "e", 4: "f", 8: "d"},
    BOOL: {1: "B", 2: "H", 4: "I", 8: "Q"},
}
"""How numbers of so many bytes are read."""

MOST_KEYS = 1024
LONGEST_KEY = 256

Number = int | float


class _Place(NamedTuple):
    """A value: where it lies, in how many bytes, and its packed type."""

    position: int
    width: int
    packed: int

    @property
    def kind(self) -> int:
        return self.packed >> 2

    @property
    def inner_width(self) -> int:
        return 1 << (self.packed & 3)


def numbers_of_map(data: bytes, damaged: Callable[[str], DamagedFileError]) -> dict[str, Number]:
    """The numbers of a map by name; values of other kinds are left out.

    Args:
        data: The FlexBuffer.
        damaged: Makes the error from a sentence about what is wrong.
    """
    return _Reader(data, damaged).numbers()


class _Reader:
    def __init__(self, data: bytes, damaged: Callable[[str], DamagedFileError]) -> None:
        self.data = data
        self.damaged = damaged

    def numbers(self) -> dict[str, Number]:
        size = len(self.data)
        width = self._number("B", size - 1)
        root = _Place(size - 2 - int(width), int(width), int(self._number("B", size - 2)))
        if root.kind != MAP:
            raise self.damaged("its options are no map")
        start, width = self._target(root), root.inner_width
        count = self._whole(start - width, width)
        if count > MOST_KEYS:
            raise self.damaged(f"its options have {count} names")
        keys = self._target(_Place(start - 3 * width, width, 0))
        key_width = self._whole(start - 2 * width, width)
        types = start + count * width
        found: dict[str, Number] = {}
        for index in range(count):
            key = self._key(self._target(_Place(keys + index * key_width, key_width, 0)))
            packed = int(self._number("B", types + index))
            number = self._value(_Place(start + index * width, width, packed))
            if number is not None:
                found[key] = number
        return found

    def _value(self, place: _Place) -> Number | None:
        kind = place.kind
        if kind - INDIRECT in (INT, UINT, FLOAT):
            place = _Place(self._target(place), place.inner_width, 0)
            kind -= INDIRECT
        code = CODES.get(kind, {}).get(place.width)
        return None if code is None else self._number(code, place.position)

    def _key(self, position: int) -> str:
        end = self.data.find(b"\0", position, position + LONGEST_KEY)
        if not 0 <= position < end:
            raise self.damaged("a name in its options has no end")
        return self.data[position:end].decode("utf-8", "replace")

    def _target(self, place: _Place) -> int:
        """Where what a value refers to lies: so many bytes in front of it."""
        return place.position - self._whole(place.position, place.width)

    def _whole(self, position: int, width: int) -> int:
        code = CODES[UINT].get(width)
        if code is None:
            raise self.damaged(f"a number in its options has {width} bytes")
        return int(self._number(code, position))

    def _number(self, code: str, position: int) -> Number:
        size = struct.calcsize(f"<{code}")
        if not 0 <= position <= len(self.data) - size:
            raise self.damaged("its options refer to what is not there")
        number: Number = struct.unpack_from(f"<{code}", self.data, position)[0]
        return number
