"""From bytes to ``schema``; a file that is not whole or not sound is refused with a sentence.

Both layouts that runtimes from 2.8 on read are read: 2, with one flatbuffer for each
parameter, and 1, with one for all of them. Weights are views of the file's memory map.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError
from opt_tool.formats.flatbuffer import Buffer, Table
from opt_tool.formats.paddle_lite.layout import (
    FILE_HEADER,
    HEADER_SIZE,
    LOD_TENSOR_VARIABLE,
    PARAMETER_SIZES,
    PARAMETERS_HEADER,
    PARAMETERS_START,
    TENSOR_FIELDS,
    VALUE_LAYOUTS,
)
from opt_tool.formats.paddle_lite.schema import (
    DTYPES,
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.ir.attributes import MAX_RANK
from opt_tool.ir.mapped_arrays import mapped
from opt_tool.targets import AttributeType

T = TypeVar("T")
Damaged = Callable[[str], DamagedFileError]


def read_file(path: Path) -> File:
    """Read a file; the parameters stay in it and are views of its memory map.

    Raises:
        DamagedFileError: It is cut off, damaged or no .nb file.
        UnsupportedError: It is of the format before 2.7.
        FileAccessError: It cannot be read.
    """
    try:
        data = mapped(path)
    except OSError as error:
        raise FileAccessError(path, error.strerror or str(error)) from error
    if data is None:
        raise DamagedFileError(path, "the file is empty")
    return decode(data, path)


def decode(data: bytes | mmap.mmap, path: Path | str = "the .nb file") -> File:
    """The file in ``data``; ``path`` is how errors name it. See ``read_file``."""
    return _FileDecoder(memoryview(data), path).decode()


def decode_parameters(data: mmap.mmap, path: Path) -> Iterator[Parameter]:
    """The parameters of a file that this writer wrote, without its topology."""
    return _FileDecoder(memoryview(data), path).parameters()


class _FileDecoder:
    """The state of reading one file: the bytes, and how far it has come."""

    def __init__(self, data: memoryview, path: Path | str) -> None:
        self._data = data
        self._path = path
        self._position = 0

    def decode(self) -> File:
        meta_version, text, size = self._unpack(FILE_HEADER, "header")
        version = self._check_version(meta_version, text)
        topology = Buffer(self._take(size, "topology"), self._named("topology"))
        program = _program(topology)
        if meta_version == 1:
            parameters = tuple(self._combined_parameters())
        else:
            parameters = tuple(self._parameters())
        if self._position != len(self._data):
            rest = len(self._data) - self._position
            raise DamagedFileError(self._path, f"{rest} bytes follow the last parameter")
        names = {parameter.name for parameter in parameters}
        if len(names) != len(parameters):
            raise DamagedFileError(self._path, "two parameters have the same name")
        return File(version, program, parameters, meta_version)

    def parameters(self) -> Iterator[Parameter]:
        """The parameters alone, of the newer layout."""
        _, _, size = self._unpack(FILE_HEADER, "header")
        self._take(size, "topology")
        return self._parameters()

    def _check_version(self, meta_version: int, text: bytes) -> str:
        """The text of the tool's version, if the file is of a format that is read."""
        head = text.partition(b"\0")[0]  # the official tool leaves any bytes after the zero
        if meta_version > 2 or not all(32 <= byte < 127 for byte in head):
            raise DamagedFileError(self._path, "it is not a Paddle Lite .nb file")
        if meta_version == 0:
            raise UnsupportedError(
                f"{self._path}: it is of the format of Paddle Lite 2.6 and older, which is not "
                "read; convert the model that it was made from"
            )
        return head.decode("ascii")

    def _combined_parameters(self) -> Iterator[Parameter]:
        rest = self._take(len(self._data) - self._position, "parameters")
        buffer = Buffer(rest, self._named("parameters"))
        for table in buffer.root().tables(0):
            yield _parameter(table, buffer.damaged)

    def _parameters(self) -> Iterator[Parameter]:
        version, reserved = self._unpack(PARAMETERS_START, "parameters' header")
        self._take(reserved, "parameters' header")
        (header_size,) = self._unpack(HEADER_SIZE, "parameters' header")
        if version != 0 or header_size < PARAMETERS_HEADER.size:
            raise DamagedFileError(self._path, "the parameters are of an unknown layout")
        header = self._take(header_size, "parameters' header")
        count, _ = PARAMETERS_HEADER.unpack_from(header)
        for index in range(count):
            what = f"parameter {index + 1} of {count}"
            total, offset = self._unpack(PARAMETER_SIZES, what)
            if not 4 <= offset <= total:
                raise DamagedFileError(self._path, f"{what}: its sizes contradict each other")
            self._take(offset - 4, what)
            buffer = Buffer(self._take(total - offset, what), self._named(what))
            yield _parameter(buffer.root(), buffer.damaged)

    def _unpack(self, layout: struct.Struct, what: str) -> tuple[Any, ...]:
        return layout.unpack(self._take(layout.size, what))

    def _take(self, size: int, what: str) -> memoryview:
        """The next bytes."""
        left = len(self._data) - self._position
        if size > left:
            raise DamagedFileError(
                self._path,
                f"the file is cut off: its {what} should have {size} more bytes, it has {left}",
            )
        start, self._position = self._position, self._position + size
        return self._data[start : start + size]

    def _named(self, what: str) -> Damaged:
        return lambda problem: DamagedFileError(self._path, f"the {what} is damaged: {problem}")


def _parameter(table: Table, damaged: Damaged) -> Parameter:
    name = table.string(1)
    tensor = table.table(3)
    if table.scalar(2, "B", 0) != LOD_TENSOR_VARIABLE or tensor is None:
        raise damaged(f"parameter {name!r} is not a tensor")
    dtype = np.dtype(_dtype(tensor.scalar(3, "i", 0), damaged))
    shape = _shape(tensor, 2, damaged)
    data = tensor.raw_bytes(4)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise damaged(f"parameter {name!r}: {dtype} of {list(shape)} is not {len(data)} bytes")
    return Parameter(name, np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape))


def _shape(table: Table, field: int, damaged: Damaged) -> tuple[int, ...]:
    shape = table.scalars(field, "q")
    if len(shape) > MAX_RANK:
        raise damaged(f"a tensor has {len(shape)} dimensions")
    return shape


def _dtype(number: int, damaged: Damaged) -> str:
    try:
        return DTYPES[VarType(number)]
    except (ValueError, KeyError):
        raise damaged(f"{number} is no type of a tensor's elements") from None


# ---- the topology


def _program(buffer: Buffer) -> Program:
    damaged = buffer.damaged
    root = buffer.root()
    blocks = tuple(_block(table, damaged) for table in root.tables(0))
    if not blocks:
        raise damaged("it has no block")
    version = root.table(1)
    op_versions = {}
    op_version_map = root.table(2)
    if op_version_map is not None:
        for pair in op_version_map.tables(0):
            op_version = pair.table(1)
            number = 0 if op_version is None else op_version.scalar(0, "i", 0)
            op_versions[pair.string(0)] = number
    return Program(blocks, 0 if version is None else version.scalar(0, "q", 0), op_versions)


def _block(table: Table, damaged: Damaged) -> Block:
    return Block(
        variables=tuple(_variable(variable, damaged) for variable in table.tables(2)),
        operators=tuple(_operator(op, damaged) for op in table.tables(3)),
        idx=table.scalar(0, "i", 0),
        parent_idx=table.scalar(1, "i", 0),
        forward_block_idx=table.scalar(4, "i", -1),
    )


def _variable(table: Table, damaged: Damaged) -> Var:
    name = table.string(0)
    kind = table.table(1)
    number = 0 if kind is None else kind.scalar(0, "i", 0)
    if kind is None or number not in VarType.__members__.values():
        raise damaged(f"variable {name!r} is of no known type")
    var_type = VarType(number)
    tensor, lod_level = _tensor_type(kind, var_type)
    return Var(
        name,
        var_type,
        persistable=table.scalar(2, "?", False),
        dtype=None if tensor is None else _dtype(tensor.scalar(0, "i", 0), damaged),
        shape=() if tensor is None else _shape(tensor, 1, damaged),
        lod_level=lod_level,
        need_check_feed=table.scalar(3, "?", False),
    )


def _tensor_type(kind: Table, var_type: VarType) -> tuple[Table | None, int]:
    """The table of a variable's dtype and shape, and its level of detail."""
    if var_type not in TENSOR_FIELDS:
        return None, 0
    table = kind.table(TENSOR_FIELDS[var_type])
    if table is None or var_type is VarType.SELECTED_ROWS:
        return table, 0
    return table.table(0), table.scalar(1, "i", 0)


def _operator(table: Table, damaged: Damaged) -> OpDesc:
    op_type = table.string(0)
    return OpDesc(
        op_type,
        _mapping(map(_slot, table.tables(1)), op_type, damaged),
        _mapping(map(_slot, table.tables(2)), op_type, damaged),
        _mapping(table.each(3, _attribute), op_type, damaged),
        is_target=table.scalar(4, "?", False),
    )


def _slot(table: Table) -> tuple[str, tuple[str, ...]]:
    return table.string(0), table.strings(1)


def _mapping(pairs: Iterator[tuple[str, T]], op_type: str, damaged: Damaged) -> Mapping[str, T]:
    mapping: dict[str, T] = {}
    for name, value in pairs:
        if name in mapping:
            raise damaged(f"an operator {op_type!r} has {name!r} twice")
        mapping[name] = value
    return mapping


def _attribute(table: Table) -> tuple[str, Attribute]:
    name = table.string(0)
    number = table.scalar(1, "i", 0)
    if number not in VALUE_LAYOUTS:
        raise table.damaged(f"attribute {name!r} is of no known type")
    field, code, is_vector = VALUE_LAYOUTS[AttributeType(number)]
    if code == "s":
        value = table.strings(field) if is_vector else table.string(field)
    else:
        value = table.scalars(field, code) if is_vector else table.scalar(field, code, ZERO[code])
    return name, Attribute(AttributeType(number), value)


ZERO: Mapping[str, object] = {"i": 0, "f": 0.0, "?": False, "q": 0, "d": 0.0}
"""What an absent value is."""
