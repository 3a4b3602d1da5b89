"""From ``schema`` to bytes, as real runtimes read them; equal files give equal bytes.

The file is a header, the topology as a flatbuffer, a header of the parameters, and one
flatbuffer for each parameter, all little-endian. Small runtimes on ARM read the topology
in place, which asks for more than flatbuffers does:

* The strings of a slot's ``arguments`` are written directly before their vector, each
  slot has its own (none of them is shared), and the table follows.
* Attributes are sorted by name and slots by parameter, since both are searched in halves.
* ``ProgramDesc.version`` is there.

Everything else that stands in many places, such as an attribute that all convolutions
have, is written once and pointed to.
"""

from __future__ import annotations

import functools
import io
import operator
import struct
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

import flatbuffers
import numpy as np

from opt_tool.errors import UnsupportedError
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
    DATA_TYPES,
    META_VERSION,
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.ir.mapped_arrays import forget
from opt_tool.targets import AttributeType

MAX_PARAMETERS = 0xFFFF
MAX_PARAMETER_BYTES = 0xFFFF_FFFF - (1 << 20)  # leaves enough for what stands around the data
INTEGER_BITS: Mapping[str, int] = {"i": 32, "q": 64}

T = TypeVar("T")


class SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
    """Writes equal parts once."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[Hashable, int] = {}

    def once(self, part: Hashable, write: Callable[[], int]) -> int:
        """Where a part is; it is written now if it is not there yet."""
        if part not in self._written:
            self._written[part] = write()
        return self._written[part]

    def refer(self, places: Sequence[int]) -> None:
        """Write what refers to these places, the last first, as one by one would be written."""
        size = 4 * len(places)
        self.Prep(4, size - 4)
        end = self.Offset() + size
        self.head -= size
        offsets = (end - 4 * index - place for index, place in enumerate(places))
        struct.pack_into(f"<{len(places)}I", self.Bytes, self.head, *offsets)

    def start_table(self, size: int, fields: Mapping[int, int]) -> None:
        """Start a table of so many fields with those that refer to places, if not to none (0)."""
        self.StartObject(size)
        given = {field: place for field, place in fields.items() if place}
        if given:
            self.refer([*given.values()][::-1])
        for above, field in enumerate(reversed(given)):
            self.current_vtable[field] = self.Offset() - 4 * above

    def text(self, text: str) -> int:
        """Where this text is, whatever it was written for."""
        return self.once(text, lambda: int(self.CreateString(text)))

    def own_text(self, text: str) -> int:
        """This text written at this place, even if it stands elsewhere."""
        place = int(self.CreateString(text))
        self._written.setdefault(text, place)
        return place


def write_file(file: File, stream: BinaryIO) -> None:
    """Write a file; at most one parameter is copied at a time.

    Raises:
        UnsupportedError: The format cannot hold something of the model.
    """
    assert file.meta_version == META_VERSION, "older layouts are only read"
    version = file.version.encode("ascii")
    assert len(version) < 16, f"the version text {file.version!r} is too long"
    parameters = sorted(file.parameters, key=lambda parameter: parameter.name.encode())
    assert len({p.name for p in parameters}) == len(parameters), "two parameters of one name"
    _check_parameters(parameters)
    topology = encode_program(file.program)
    stream.write(FILE_HEADER.pack(META_VERSION, version, len(topology)))
    stream.write(topology)
    _write_parameters(parameters, stream)


def encode(file: File) -> bytes:
    """The whole file in memory; see ``write_file``."""
    stream = io.BytesIO()
    write_file(file, stream)
    return stream.getvalue()


# ---- the parameters


def _check_parameters(parameters: list[Parameter]) -> None:
    if len(parameters) > MAX_PARAMETERS:
        raise UnsupportedError(
            f"the model has {len(parameters)} parameters, and a .nb file holds at most "
            f"{MAX_PARAMETERS}; join or fold small constants, or split the model"
        )
    for parameter in parameters:
        dtype, size = parameter.data.dtype.name, parameter.data.nbytes
        if dtype not in DATA_TYPES:
            raise UnsupportedError(
                f"parameter {parameter.name!r} is of the type {dtype}, and a .nb file holds "
                f"{', '.join(DATA_TYPES)}"
            )
        if size > MAX_PARAMETER_BYTES:
            raise UnsupportedError(
                f"parameter {parameter.name!r} has {size} bytes, and a .nb file holds "
                "parameters of less than 4 GiB; quantize it or split it into several"
            )


def _write_parameters(parameters: list[Parameter], stream: BinaryIO) -> None:
    largest = max((parameter.data.nbytes for parameter in parameters), default=0)
    stream.write(PARAMETERS_START.pack(0, 0))
    stream.write(HEADER_SIZE.pack(PARAMETERS_HEADER.size))
    stream.write(PARAMETERS_HEADER.pack(len(parameters), largest))
    for parameter in parameters:
        raw = _raw_bytes(parameter.data)
        head, tail = _parameter_around_data(parameter)
        size = len(head) + len(raw) + len(tail)
        stream.write(PARAMETER_SIZES.pack(4 + size, 4))
        stream.write(head)
        stream.write(raw)
        stream.write(tail)
        forget(parameter.data)


def _raw_bytes(array: np.ndarray) -> memoryview:
    """The little-endian bytes of an array; a copy only if it has gaps or another order."""
    ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8).data


def _parameter_around_data(parameter: Parameter) -> tuple[bytes, bytes]:
    """The bytes of a parameter's flatbuffer before and after its data."""
    name, data = parameter.name.encode(), parameter.data
    before, after, tail = _parameter_form(data.dtype.name, data.shape, data.nbytes, len(name))
    return before + name + after, tail


@functools.lru_cache(maxsize=1 << 10)
def _parameter_form(
    dtype: str, shape: tuple[int, ...], size: int, name_size: int
) -> tuple[bytes, bytes, bytes]:
    """The bytes before the name, between it and the data, and after these.

    A builder lays out from the end and aligns to 8 bytes at most. So the data go first, to
    the end, and a few zeros in their place, as many as keep the alignment, give the same
    bytes around them: only the length has to be put right. Zeros stand for the name as well.
    """
    builder = flatbuffers.Builder(256)
    placeholder = size % 8
    data = builder.CreateByteVector(bytes(placeholder))
    dims = _scalars(builder, "q", shape)
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(2, dims, 0)
    builder.PrependInt32Slot(3, DATA_TYPES[dtype], 0)
    builder.PrependUOffsetTRelativeSlot(4, data, 0)
    tensor = builder.EndObject()
    name = builder.CreateString(bytes(name_size))
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, name, 0)
    builder.PrependUint8Slot(2, LOD_TENSOR_VARIABLE, 0)
    builder.PrependUOffsetTRelativeSlot(3, tensor, 0)
    builder.Finish(builder.EndObject())
    whole = builder.Output()
    start, length = len(whole) - name + 4, len(whole) - data
    struct.pack_into("<I", whole, length, size)
    between = whole[start + name_size : length + 4]
    return bytes(whole[:start]), bytes(between), bytes(whole[length + 4 + placeholder :])


# ---- the topology


def encode_program(program: Program) -> bytes:
    """The topology's flatbuffer."""
    builder = SharingBuilder(1 << 16)
    blocks = _vector(builder, [_block(builder, block) for block in program.blocks])
    builder.StartObject(1)
    builder.PrependInt64Slot(0, program.version, 0)
    version = builder.EndObject()
    op_versions = _op_versions(builder, program.op_versions)
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, blocks, 0)
    builder.PrependUOffsetTRelativeSlot(1, version, 0)
    builder.PrependUOffsetTRelativeSlot(2, op_versions, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _op_versions(builder: SharingBuilder, versions: Mapping[str, int]) -> int:
    """The map from operators to their versions; none (0) when it is empty."""
    if not versions:
        return 0
    pairs = []
    for op_name, number in _by_name(versions):
        builder.StartObject(1)
        builder.PrependInt32Slot(0, number, 0)
        version = builder.EndObject()
        name = builder.text(op_name)
        builder.StartObject(2)
        builder.PrependUOffsetTRelativeSlot(0, name, 0)
        builder.PrependUOffsetTRelativeSlot(1, version, 0)
        pairs.append(builder.EndObject())
    vector = _vector(builder, pairs)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(builder.EndObject())


def _block(builder: SharingBuilder, block: Block) -> int:
    operators = _vector(builder, [_operator(builder, op) for op in block.operators])
    variables = _vector(builder, [_variable(builder, var) for var in block.variables])
    builder.StartObject(5)
    builder.PrependInt32Slot(0, block.idx, 0)
    builder.PrependInt32Slot(1, block.parent_idx, 0)
    builder.PrependUOffsetTRelativeSlot(2, variables, 0)
    builder.PrependUOffsetTRelativeSlot(3, operators, 0)
    builder.PrependInt32Slot(4, block.forward_block_idx, -1)
    return int(builder.EndObject())


def _variable(builder: SharingBuilder, variable: Var) -> int:
    name = builder.text(variable.name)
    described = (variable.type, variable.dtype, variable.shape, variable.lod_level)
    kind = builder.once(described, lambda: _variable_type(builder, variable))
    builder.start_table(4, {0: name, 1: kind})
    builder.PrependBoolSlot(2, variable.persistable, False)
    builder.PrependBoolSlot(3, variable.need_check_feed, False)
    return int(builder.EndObject())


def _variable_type(builder: SharingBuilder, variable: Var) -> int:
    tensor = _tensor_type(builder, variable)
    builder.StartObject(6)
    builder.PrependInt32Slot(0, variable.type, 0)
    if tensor:
        builder.PrependUOffsetTRelativeSlot(TENSOR_FIELDS[variable.type], tensor, 0)
    return int(builder.EndObject())


def _tensor_type(builder: SharingBuilder, variable: Var) -> int:
    """The table of a variable's dtype and shape; none (0) when it holds no tensor."""
    if variable.type not in TENSOR_FIELDS or variable.dtype is None:
        return 0
    dims = _scalars(builder, "q", variable.shape)
    builder.StartObject(2)
    builder.PrependInt32Slot(0, DATA_TYPES[variable.dtype], 0)
    builder.PrependUOffsetTRelativeSlot(1, dims, 0)
    tensor = int(builder.EndObject())
    if variable.type is VarType.SELECTED_ROWS:
        return tensor
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, tensor, 0)
    builder.PrependInt32Slot(1, variable.lod_level, 0)
    return int(builder.EndObject())


def _operator(builder: SharingBuilder, op: OpDesc) -> int:
    kind = builder.text(op.type)
    inputs = _slots(builder, op.inputs)
    outputs = _slots(builder, op.outputs)
    attributes = _attributes(builder, op)
    builder.start_table(5, {0: kind, 1: inputs, 2: outputs, 3: attributes})
    builder.PrependBoolSlot(4, op.is_target, False)
    return int(builder.EndObject())


def _slots(builder: SharingBuilder, slots: Mapping[str, tuple[str, ...]]) -> int:
    tables = [
        builder.once((name, variables), functools.partial(_slot, builder, name, variables))
        for name, variables in _by_name(slots)
    ]
    return builder.once(tuple(tables), functools.partial(_vector, builder, tables))


def _slot(builder: SharingBuilder, name: str, variables: tuple[str, ...]) -> int:
    parameter = builder.text(name)
    arguments = _strings(builder, variables)
    builder.start_table(2, {0: parameter, 1: arguments})
    return int(builder.EndObject())


# ---- attributes

PREPEND_SCALAR: Mapping[str, Callable[..., None]] = {
    "i": flatbuffers.Builder.PrependInt32Slot,
    "f": flatbuffers.Builder.PrependFloat32Slot,
    "?": flatbuffers.Builder.PrependBoolSlot,
    "q": flatbuffers.Builder.PrependInt64Slot,
    "d": flatbuffers.Builder.PrependFloat64Slot,
}


FLOATING = (
    AttributeType.FLOAT,
    AttributeType.FLOATS,
    AttributeType.FLOAT64,
    AttributeType.FLOAT64S,
)


def _attributes(builder: SharingBuilder, op: OpDesc) -> int:
    tables = []
    for name, attribute in _by_name(op.attributes):
        try:
            tables.append(_shared_attribute(builder, name, attribute))
        except OverflowError as error:
            raise UnsupportedError(
                f"{op.type} with the outputs {[*op.outputs.values()]}: attribute {name!r}: {error}"
            ) from error
    return _vector(builder, tables)


def _shared_attribute(builder: SharingBuilder, name: str, attribute: Attribute) -> int:
    value: object = attribute.value
    exact = repr(value) if attribute.type in FLOATING else value  # tells 0.0 from -0.0
    part = (name, attribute.type, exact)
    return builder.once(part, lambda: _attribute(builder, name, attribute))


def _attribute(builder: SharingBuilder, name: str, attribute: Attribute) -> int:
    field, code, is_vector = VALUE_LAYOUTS[attribute.type]
    value: Any = attribute.value  # of the type that ``Attribute`` has checked
    text = builder.text(name)
    outside = None
    if is_vector:
        outside = _strings(builder, value) if code == "s" else _scalars(builder, code, value)
    elif code == "s":
        outside = builder.text(value)
    else:
        _pack(code, (value,))  # only to find out whether it fits
    builder.StartObject(16)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependInt32Slot(1, attribute.type, 0)
    if outside is not None:
        builder.PrependUOffsetTRelativeSlot(field, outside, 0)
    else:
        PREPEND_SCALAR[code](builder, field, value, None)  # even if it is the field's default
    return int(builder.EndObject())


# ---- vectors


def _by_name(items: Mapping[str, T]) -> list[tuple[str, T]]:
    """The items in the order in which runtimes search for them, that of their bytes."""
    return sorted(items.items(), key=operator.itemgetter(0))  # as UTF-8 has it


def _vector(builder: SharingBuilder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    if offsets:
        builder.refer(offsets)
    return int(builder.EndVector())


def _strings(builder: SharingBuilder, texts: Iterable[Any]) -> int:
    """The strings, each written anew, and directly after them their vector."""
    return _vector(builder, [builder.own_text(text) for text in texts])


def _scalars(builder: SharingBuilder, code: str, values: Sequence[Any]) -> int:
    packed = np.frombuffer(_pack(code, values), np.dtype(f"<{code}" if code != "?" else "?"))
    return int(builder.CreateNumpyVector(packed))


def _pack(code: str, values: Sequence[Any]) -> bytes:
    """The values' bytes.

    Raises:
        OverflowError: A value is too large for its type in the file.
    """
    if code in INTEGER_BITS:
        bits = INTEGER_BITS[code]
        for value in values:
            if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
                raise OverflowError(f"{value} does not fit into {bits} bits")
    return struct.pack(f"<{len(values)}{code}", *values)
