"""Reads flatbuffers of unknown origin: every offset and count is checked before it is used.

A flatbuffer can refer to one object from many places, so that a small hostile file could
stand for an endless amount of objects. All that is read is therefore charged to the size
of the buffer. Files of other tools read each byte about once; ours write what is equal
once, so that the four bytes that refer to an attribute cost as much as its table.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from opt_tool.errors import DamagedFileError

READS_PER_BYTE = 64
SMALLEST_BUDGET = 4096
OBJECT_COST = 32  # about twice what the smallest table with a name takes in a file

U16 = struct.Struct("<H")
I32 = struct.Struct("<i")
U32 = struct.Struct("<I")
SCALARS = {code: struct.Struct(f"<{code}") for code in "?BbHiIfqQd"}

T = TypeVar("T")


class Buffer:
    """One flatbuffer.

    Args:
        data: Its bytes.
        damaged: Makes the error from a sentence about what is wrong.
    """

    def __init__(self, data: memoryview, damaged: Callable[[str], DamagedFileError]) -> None:
        self.data = data
        self._size = len(data)
        self.damaged = damaged
        self._budget = max(READS_PER_BYTE * len(data), SMALLEST_BUDGET)
        self._vtables: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._shared: dict[Callable[[Table], object], dict[int, Any]] = {}

    def root(self) -> Table:
        """The table that the whole buffer is."""
        if len(self.data) < 4:
            raise self.damaged("it is too short")
        return self.table_at(self._target(0))

    def table_at(self, position: int) -> Table:
        """The table that starts at a position."""
        self._charge(OBJECT_COST)
        self._require(position, 4)
        (to_vtable,) = I32.unpack_from(self.data, position)
        place = position - to_vtable
        size, fields = self._vtables[place] if place in self._vtables else self._vtable(place)
        self._require(position, size)
        return Table(self, position, size, fields)

    def shared(self, read: Callable[[Table], T]) -> Callable[[int], T]:
        """What reads tables by their positions, those that stand in many places once."""
        known: dict[int, T] = self._shared.setdefault(read, {})

        def at(position: int) -> T:
            if position in known:
                self._charge(OBJECT_COST)
            else:
                known[position] = read(self.table_at(position))
            return known[position]

        return at

    def string_at(self, position: int) -> str:
        """The string at a position."""
        start, count = self.vector_at(position, 1)
        try:
            return str(self.data[start : start + count], "utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"the text at byte {start} is not UTF-8") from None

    def vector_at(self, position: int, element_size: int) -> tuple[int, int]:
        """The position of a vector's first element, and their number."""
        self._require(position, 4)
        (count,) = U32.unpack_from(self.data, position)
        size = count * element_size
        self._charge(OBJECT_COST + size)
        self._require(position, 4 + size)
        return position + 4, count

    def offsets_at(self, position: int) -> Iterator[int]:
        """The positions of the objects that a vector refers to."""
        start, count = self.vector_at(position, 4)
        offsets = struct.unpack_from(f"<{count}I", self.data, start)
        return map(operator.add, range(start, start + 4 * count, 4), offsets)

    def _target(self, position: int) -> int:
        """What the offset at a position, which lies in the buffer, points to."""
        (offset,) = U32.unpack_from(self.data, position)
        return position + int(offset)

    def _vtable(self, position: int) -> tuple[int, tuple[int, ...]]:
        """The size of a table, and where in it each field is (0: nowhere)."""
        self._require(position, 4)
        own_size, size = struct.unpack_from("<HH", self.data, position)
        if own_size < 4 or size < 4:
            raise self.damaged(f"there is no table's layout at byte {position}")
        self._require(position, own_size)
        fields = struct.unpack_from(f"<{own_size // 2 - 2}H", self.data, position + 4)
        self._vtables[position] = (size, fields)
        return size, fields

    def _require(self, position: int, size: int) -> None:
        if position < 0 or position + size > self._size:
            raise self.damaged(f"it refers to byte {position + size} of {self._size}")

    def _charge(self, cost: int) -> None:
        self._budget -= cost
        if self._budget < 0:
            raise self.damaged("it refers to the same bytes again and again")


class Table:
    """One table; a field that is absent has the default that the schema gives it."""

    __slots__ = ("_buffer", "_fields", "_position", "_size")

    def __init__(self, buffer: Buffer, position: int, size: int, fields: tuple[int, ...]) -> None:
        self._buffer = buffer
        self._position = position
        self._size = size
        self._fields = fields

    @property
    def damaged(self) -> Callable[[str], DamagedFileError]:
        """What makes the error from a sentence about what is wrong."""
        return self._buffer.damaged

    def scalar(self, field: int, code: str, default: Any) -> Any:
        """A number or truth value; ``code`` is that of ``struct``."""
        layout = SCALARS[code]
        position = self._place(field, layout.size)
        return default if position is None else layout.unpack_from(self._buffer.data, position)[0]

    def string(self, field: int) -> str:
        """A string; empty when it is absent."""
        position = self._reference(field)
        return "" if position is None else self._buffer.string_at(position)

    def table(self, field: int) -> Table | None:
        """A table inside this one."""
        position = self._reference(field)
        return None if position is None else self._buffer.table_at(position)

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables; empty when it is absent."""
        return self._objects(field, self._buffer.table_at)

    def each(self, field: int, read: Callable[[Table], T]) -> Iterator[T]:
        """What a function makes of each table of a vector; none when it is absent.

        It is called once for a table that stands in many places.
        """
        return self._objects(field, self._buffer.shared(read))

    def strings(self, field: int) -> tuple[str, ...]:
        """A vector of strings; empty when it is absent."""
        return tuple(self._objects(field, self._buffer.string_at))

    def scalars(self, field: int, code: str) -> tuple[Any, ...]:
        """A vector of numbers or truth values; empty when it is absent."""
        position = self._reference(field)
        if position is None:
            return ()
        start, count = self._buffer.vector_at(position, SCALARS[code].size)
        return struct.unpack_from(f"<{count}{code}", self._buffer.data, start)

    def raw_bytes(self, field: int) -> memoryview:
        """A vector of bytes, where it stands; empty when it is absent."""
        position = self._reference(field)
        if position is None:
            return memoryview(b"")
        start, count = self._buffer.vector_at(position, 1)
        return self._buffer.data[start : start + count]

    def position(self, field: int, size: int = 4) -> int | None:
        """Where in the buffer the bytes of a field stand; None when it is absent."""
        return self._place(field, size)

    def references(self, field: int) -> range:
        """Where in the buffer the offsets of a vector of objects stand, 4 bytes each."""
        position = self._reference(field)
        if position is None:
            return range(0)
        start, count = self._buffer.vector_at(position, 4)
        return range(start, start + 4 * count, 4)

    def _objects(self, field: int, read: Callable[[int], T]) -> Iterator[T]:
        position = self._reference(field)
        return iter(()) if position is None else map(read, self._buffer.offsets_at(position))

    def _reference(self, field: int) -> int | None:
        """The position that a field's offset points to."""
        position = self._place(field, 4)
        if position is None:
            return None
        (offset,) = U32.unpack_from(self._buffer.data, position)
        return position + int(offset)

    def _place(self, field: int, size: int) -> int | None:
        """The position of a field's bytes; None when it is absent."""
        place = self._fields[field] if field < len(self._fields) else 0
        if place == 0:
            return None
        if place + size > self._size:
            raise self._buffer.damaged(f"field {field} leaves the table at byte {self._position}")
        return self._position + place
