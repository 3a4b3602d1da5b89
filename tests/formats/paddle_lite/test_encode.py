from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from nb_files import convolution_file, integer, integers, one_operator, operator, text
from opt_tool.errors import UnsupportedError
from opt_tool.formats.paddle_lite.decode import decode
from opt_tool.formats.paddle_lite.encode import encode, write_file
from opt_tool.formats.paddle_lite.schema import (
    Attribute,
    Block,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.targets import AttributeType

HEADER = struct.Struct("<H16sQ")


def topology(data: bytes) -> bytes:
    _, _, size = HEADER.unpack_from(data)
    return data[HEADER.size : HEADER.size + size]


class View:
    """A flatbuffer's table, read by the flatbuffers package and not by our decoder."""

    def __init__(self, data: bytes, position: int | None = None) -> None:
        root = struct.unpack_from("<I", data)[0] if position is None else position
        self.table = flatbuffers.table.Table(data, root)

    def place(self, field: int) -> int:
        """Where in the buffer the field is; 0 when it is absent."""
        offset = int(self.table.Offset(4 + 2 * field))
        return self.table.Pos + offset if offset else 0

    def child(self, field: int) -> View:
        return View(self.table.Bytes, self.table.Indirect(self.place(field)))

    def children(self, field: int) -> list[View]:
        start = self.vector(field)
        places = [start + 4 * index for index in range(self.count(field))]
        return [View(self.table.Bytes, self.table.Indirect(place)) for place in places]

    def vector(self, field: int) -> int:
        """The position of a vector's first element."""
        return int(self.table.Vector(self.place(field) - self.table.Pos))

    def count(self, field: int) -> int:
        return int(self.table.VectorLen(self.place(field) - self.table.Pos))

    def string(self, field: int) -> str:
        return str(self.table.String(self.place(field)).decode())

    def number(self, field: int, code: str) -> object:
        return struct.unpack_from(f"<{code}", self.table.Bytes, self.place(field))[0]


def operators(data: bytes) -> list[View]:
    return View(topology(data)).children(0)[0].children(3)


def variable_views(data: bytes) -> list[View]:
    return View(topology(data)).children(0)[0].children(2)


# ---- what small runtimes on ARM need


def slots_of(data: bytes) -> list[View]:
    return [slot for op in operators(data) for field in (1, 2) for slot in op.children(field)]


def test_writes_the_strings_of_a_slot_directly_before_their_vector() -> None:
    """A flatbuffer grows to the front, so before means behind: the vector, then its strings."""
    file, _ = convolution_file()
    data = encode(file)
    slots = slots_of(data)
    assert max(slot.count(1) for slot in slots) == 3
    for slot in slots:
        position = slot.vector(1) + 4 * slot.count(1)
        for index in reversed(range(slot.count(1))):
            place = slot.vector(1) + 4 * index
            string = slot.table.Indirect(place)
            assert string == position, "something stands in between"
            length = struct.unpack_from("<I", slot.table.Bytes, string)[0]
            position = string + 4 + (length + 4) // 4 * 4  # with its zero, in words
        assert slot.table.Pos < slot.vector(1), "the table follows its vector"


def test_slots_that_differ_share_no_argument() -> None:
    file, _ = convolution_file()
    slots = {slot.table.Pos: slot for slot in slots_of(encode(file))}.values()
    strings = [
        slot.table.Indirect(slot.vector(1) + 4 * index)
        for slot in slots
        for index in range(slot.count(1))
    ]
    assert len(strings) > 10
    assert len(strings) == len(set(strings))


def test_writes_equal_parts_once() -> None:
    same = {"alpha": Attribute(AttributeType.FLOAT, 0.0), "axis": integer(1), "name": text("x")}
    other = {**same, "alpha": Attribute(AttributeType.FLOAT, -0.0)}
    file, _ = convolution_file()
    names = ("x", "a", "b")
    variables = tuple(Var(name, VarType.LOD_TENSOR, False, "float32", (2, 3)) for name in names)
    ops = (OpDesc("relu", {"X": ("x",)}, {"Out": ("a",)}, same),) * 2
    last = OpDesc("relu", {"X": ("x",)}, {"Out": ("b",)}, other)
    program = Program((Block(variables, (*ops, last)),))
    data = encode(file._replace(program=program))
    first, second, third = operators(data)
    for field in (1, 2, 3):
        places = [[child.table.Pos for child in op.children(field)] for op in (first, second)]
        assert places[0] == places[1]
    pairs = zip(first.children(3), third.children(3), strict=True)
    equal = [a.table.Pos == b.table.Pos for a, b in pairs]
    assert equal == [False, True, True], "0.0 and -0.0 are equal, but not the same"
    assert first.table.Indirect(first.place(0)) == third.table.Indirect(third.place(0))
    kinds = {view.table.Indirect(view.place(1)) for view in variable_views(data)}
    assert len(kinds) == 1
    arguments = {slot.table.Indirect(slot.vector(1)) for slot in slots_of(data)}
    assert {view.table.Indirect(view.place(0)) for view in variable_views(data)} == arguments


def test_sorts_attributes_and_slots_by_their_bytes() -> None:
    names = [
        "strides",
        "_x",
        "Z",
        "a",
        "a1",
        "\u00e9",
        "__@kernel_type_attr@__",
        "\U0001f600",
        "\uffee",
    ]
    by_bytes = sorted(names, key=str.encode)
    op = OpDesc(
        "relu",
        dict.fromkeys(names, ("x",)),
        dict.fromkeys(names, ("y",)),
        {name: integer(1) for name in names},
    )
    (written,) = operators(encode(one_operator(op)))
    for field in (1, 2, 3):
        assert [child.string(0) for child in written.children(field)] == by_bytes


def test_writes_the_version_of_the_program_even_when_it_is_zero() -> None:
    file, _ = convolution_file()
    root = View(topology(encode(file)))
    assert root.place(1) != 0
    assert root.child(1).place(0) == 0  # zero is the field's default


# ---- attributes

VALUES = [
    (AttributeType.INT, -7, 2, "i"),
    (AttributeType.FLOAT, 0.5, 3, "f"),
    (AttributeType.BOOLEAN, True, 8, "?"),
    (AttributeType.BLOCK, 3, 10, "i"),
    (AttributeType.LONG, 1 << 40, 11, "q"),
    (AttributeType.FLOAT64, 0.1, 14, "d"),
]
VECTORS = [
    (AttributeType.INTS, (1, -2, 3), 5, "i"),
    (AttributeType.FLOATS, (0.5, -1.0), 6, "f"),
    (AttributeType.BOOLEANS, (True, False, True), 9, "?"),
    (AttributeType.BLOCKS, (1, 2), 12, "i"),
    (AttributeType.LONGS, (1 << 40, -1), 13, "q"),
    (AttributeType.FLOAT64S, (0.1, 0.2), 15, "d"),
]


def written_attribute(attribute: Attribute) -> View:
    op = operator("thing", name=attribute)
    (view,) = operators(encode(one_operator(op)))[0].children(3)
    assert view.string(0) == "name"
    number = 0 if view.place(1) == 0 else view.number(1, "i")
    assert number == attribute.type
    return view


@pytest.mark.parametrize(("kind", "value", "field", "code"), VALUES, ids=lambda v: str(v))
def test_writes_a_value_into_the_field_of_its_type(
    kind: AttributeType, value: float, field: int, code: str
) -> None:
    view = written_attribute(Attribute(kind, value))
    assert view.number(field, code) == value
    assert [other for other in range(2, 16) if view.place(other)] == [field]


@pytest.mark.parametrize(("kind", "values", "field", "code"), VECTORS, ids=lambda v: str(v))
def test_writes_a_vector_into_the_field_of_its_type(
    kind: AttributeType, values: tuple[int, ...], field: int, code: str
) -> None:
    view = written_attribute(Attribute(kind, values))
    layout = struct.Struct(f"<{len(values)}{code}")
    assert view.count(field) == len(values)
    assert layout.unpack_from(view.table.Bytes, view.vector(field)) == values
    assert view.vector(field) % struct.calcsize(f"<{code}") == 0, "aligned to its elements"
    assert [other for other in range(2, 16) if view.place(other)] == [field]


def test_writes_texts() -> None:
    assert written_attribute(text("gr\u00fcn")).string(4) == "gr\u00fcn"
    view = written_attribute(Attribute(AttributeType.STRINGS, ("a", "", "bc")))
    places = [view.vector(7) + 4 * index for index in range(view.count(7))]
    assert [view.table.String(place) for place in places] == [b"a", b"", b"bc"]


@pytest.mark.parametrize("value", [0, -0.0, 0.0])
def test_writes_a_value_that_is_the_default(value: float) -> None:
    kind = AttributeType.INT if isinstance(value, int) else AttributeType.FLOAT
    field, code = (2, "i") if isinstance(value, int) else (3, "f")
    assert str(written_attribute(Attribute(kind, value)).number(field, code)) == str(value)


@pytest.mark.parametrize(
    "attribute",
    [
        integer(1 << 31),
        integer(-(1 << 31) - 1),
        integers(0, 1 << 40),
        Attribute(AttributeType.LONG, 1 << 63),
        Attribute(AttributeType.LONGS, (0, -(1 << 63) - 1)),
        Attribute(AttributeType.FLOAT, 1e39),
        Attribute(AttributeType.FLOATS, (0.0, -1e39)),
    ],
    ids=repr,
)
def test_refuses_a_number_that_is_too_large(attribute: Attribute) -> None:
    with pytest.raises(UnsupportedError, match=r"thing with the outputs .*'y'.*'name'"):
        encode(one_operator(operator("thing", name=attribute)))


@pytest.mark.parametrize(
    "attribute",
    [
        integer((1 << 31) - 1),
        integers(-(1 << 31)),
        Attribute(AttributeType.LONG, -(1 << 63)),
        Attribute(AttributeType.FLOAT, float("-inf")),
        Attribute(AttributeType.FLOAT, float(np.finfo(np.float32).max)),
    ],
    ids=repr,
)
def test_writes_the_largest_numbers(attribute: Attribute) -> None:
    file = one_operator(operator("thing", name=attribute))
    assert decode(encode(file)) == file


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (AttributeType.INT, 1.0),
        (AttributeType.INT, True),
        (AttributeType.INTS, 1),
        (AttributeType.STRINGS, "text"),
        (AttributeType.STRING, ("text",)),
        (AttributeType.BOOLEAN, 1),
        (AttributeType.FLOAT, False),
    ],
    ids=str,
)
def test_attribute_of_another_type_is_our_fault(kind: AttributeType, value: float) -> None:
    with pytest.raises(TypeError, match=kind.name):
        Attribute(kind, value)


# ---- the file


def test_header_says_what_follows() -> None:
    file, _ = convolution_file()
    data = encode(file)
    meta_version, version, size = HEADER.unpack_from(data)
    assert (meta_version, version) == (2, b"v2.13-rc" + bytes(8))
    start = HEADER.size + size
    largest = max(parameter.data.nbytes for parameter in file.parameters)
    assert struct.unpack_from("<HHHHI", data, start) == (0, 0, 6, 4, largest)


def test_parameter_is_the_flatbuffer_that_a_builder_makes() -> None:
    """The bytes around the data are those of a builder that has all the data."""
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 13):
        array = np.arange(size, dtype=np.int8)
        data = encode(one_operator(operator("relu"), Parameter("w" * size + "eight", array)))
        start = HEADER.size + len(topology(data)) + 12
        total, offset = struct.unpack_from("<II", data, start)
        assert (total + 4, offset) == (len(data) - start, 4)
        assert data[start + 8 :] == parameter_by_builder("w" * size + "eight", array)


def parameter_by_builder(name: str, array: np.ndarray) -> bytes:
    builder = flatbuffers.Builder(0)
    data = builder.CreateByteVector(array.tobytes())
    dims = builder.CreateNumpyVector(np.array(array.shape, np.int64))
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(2, dims, 0)
    builder.PrependInt32Slot(3, 21, 0)
    builder.PrependUOffsetTRelativeSlot(4, data, 0)
    tensor = builder.EndObject()
    text = builder.CreateString(name)
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, text, 0)
    builder.PrependUint8Slot(2, 1, 0)
    builder.PrependUOffsetTRelativeSlot(3, tensor, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def test_sorts_parameters_by_name() -> None:
    arrays = [Parameter(name, np.zeros(1, np.float32)) for name in ("b", "a10", "a", "B", "a9")]
    file = one_operator(operator("relu"), *arrays)
    read = decode(encode(file)).parameters
    assert [parameter.name for parameter in read] == ["B", "a", "a10", "a9", "b"]


def test_equal_files_give_equal_bytes() -> None:
    first, _ = convolution_file()
    second, _ = convolution_file()
    (block,) = second.program.blocks
    turned = tuple(
        op._replace(
            inputs=dict(reversed(list(op.inputs.items()))),
            attributes=dict(reversed(list(op.attributes.items()))),
        )
        for op in block.operators
    )
    program = Program((block._replace(operators=turned),))
    parameters = tuple(reversed(second.parameters))
    again = second._replace(program=program, parameters=parameters)
    assert encode(again) == encode(first)


def test_writes_arrays_that_are_views_or_of_another_byte_order() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    views: dict[str, np.ndarray] = {
        "big": array.astype(">f4"),
        "every_other": array[:, :, ::2],
        "scalar": np.array(3, np.float32),
        "transposed": array.T,
        "without": array[:, :0],
    }
    file = one_operator(operator("relu"), *(Parameter(n, a) for n, a in views.items()))
    for parameter in decode(encode(file)).parameters:
        np.testing.assert_array_equal(parameter.data, views[parameter.name], strict=False)
        assert parameter.data.shape == views[parameter.name].shape


def test_copies_at_most_one_parameter_at_a_time() -> None:
    megabyte = np.zeros((1 << 18,), np.float32)
    strided = np.zeros((1 << 19,), np.float32)[::2]
    arrays = [Parameter(f"w{i}", strided if i % 2 else megabyte) for i in range(16)]
    file = one_operator(operator("relu"), *arrays)
    with Path(os.devnull).open("wb") as stream:
        tracemalloc.start()
        write_file(file, stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * megabyte.nbytes


def test_refuses_more_parameters_than_the_file_can_count() -> None:
    one = np.zeros(1, np.float32)
    parameters = [Parameter(f"w{index:05}", one) for index in range(65_536)]
    with pytest.raises(UnsupportedError, match=r"65536 parameters.* at most 65535; .*fold"):
        encode(one_operator(operator("relu"), *parameters))


def test_refuses_a_parameter_of_four_gibibytes() -> None:
    huge = np.broadcast_to(np.int8(0), (1 << 32,))  # takes no memory
    with pytest.raises(UnsupportedError, match=r"'w' has 4294967296 bytes.*4 GiB; quantize"):
        encode(one_operator(operator("relu"), Parameter("w", huge)))


def test_refuses_elements_that_the_file_has_no_type_for() -> None:
    array = np.zeros(1, np.complex64)
    with pytest.raises(UnsupportedError, match=r"'w' is of the type complex64.*float32"):
        encode(one_operator(operator("relu"), Parameter("w", array)))


def test_two_parameters_of_one_name_are_our_fault() -> None:
    one = Parameter("w", np.zeros(1, np.float32))
    with pytest.raises(AssertionError, match="one name"):
        encode(one_operator(operator("relu"), one, one))


def test_time_grows_with_the_number_of_operators_only() -> None:
    """Ten times the operators make ten times the bytes; nothing is searched or joined twice."""

    def size(count: int) -> int:
        ops = tuple(operator("relu", "relu/def/4/1/1") for _ in range(count))
        return len(encode(file._replace(program=Program((Block((), ops),)))))

    file, _ = convolution_file()
    small, large = size(10), size(100)
    assert large - small == (small - size(1)) * 10
