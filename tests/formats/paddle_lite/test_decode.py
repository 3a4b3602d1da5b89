from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nb_files import convolution_file, integer, one_operator, operator, tensor, text
from opt_tool.errors import DamagedFileError, FileAccessError, OptError, UnsupportedError
from opt_tool.formats.paddle_lite.decode import decode, read_file
from opt_tool.formats.paddle_lite.encode import encode, encode_program
from opt_tool.formats.paddle_lite.schema import (
    DATA_TYPES,
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.targets import AttributeType

SMALL = one_operator(
    operator("relu", "relu/def/4/1/1", axis=integer(1)), Parameter("w", np.arange(3, dtype=np.int8))
)


def test_reads_what_was_written() -> None:
    file, _ = convolution_file()
    assert decode(encode(file)) == file


def test_reads_every_kind_of_variable() -> None:
    variables = (
        Var("feed", VarType.FEED_MINIBATCH, persistable=True, need_check_feed=True),
        Var("array", VarType.LOD_TENSOR_ARRAY, dtype="int64", shape=(-1, 4), lod_level=2),
        Var("rows", VarType.SELECTED_ROWS, dtype="float32", shape=(3,)),
        Var("scopes", VarType.STEP_SCOPES),
        *(tensor(dtype, 2, -1, dtype=dtype) for dtype in DATA_TYPES),
        tensor("scalar"),
    )
    blocks = (
        Block(variables, ()),
        Block((), (operator("relu"),), idx=1, parent_idx=0, forward_block_idx=5),
    )
    file = File("v2.10", Program(blocks, version=2_004_000, op_versions={"b": 1, "a": 2}), ())
    assert decode(encode(file)) == file


@pytest.mark.parametrize("dtype", DATA_TYPES)
def test_reads_weights_of_every_type(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    (parameter,) = decode(encode(one_operator(operator("relu"), Parameter("w", array)))).parameters
    assert parameter.data.dtype == array.dtype
    np.testing.assert_array_equal(parameter.data, array)


@pytest.mark.parametrize(
    "other",
    [
        Parameter("v", np.zeros((2, 2), np.float32)),
        Parameter("w", np.ones((2, 2), np.float32)),
        Parameter("w", np.zeros((2, 2), np.int32)),
        Parameter("w", np.zeros(4, np.float32)),
        Parameter("w", np.full((2, 2), -0.0, np.float32)),
    ],
)
def test_parameters_are_equal_only_in_all_they_are(other: Parameter) -> None:
    parameter = Parameter("w", np.zeros((2, 2), np.float32))
    assert parameter == Parameter("w", np.zeros((2, 2), np.float32))
    assert parameter != other


NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
ATTRIBUTES = st.one_of(
    st.builds(Attribute, st.just(AttributeType.INT), INT32),
    st.builds(Attribute, st.just(AttributeType.LONG), INT64),
    st.builds(Attribute, st.just(AttributeType.FLOAT), st.floats(width=32, allow_nan=False)),
    st.builds(Attribute, st.just(AttributeType.STRING), NAMES),
    st.builds(Attribute, st.just(AttributeType.BOOLEAN), st.booleans()),
    st.builds(Attribute, st.just(AttributeType.INTS), st.lists(INT32, max_size=5).map(tuple)),
    st.builds(Attribute, st.just(AttributeType.LONGS), st.lists(INT64, max_size=5).map(tuple)),
    st.builds(Attribute, st.just(AttributeType.STRINGS), st.lists(NAMES, max_size=5).map(tuple)),
    st.builds(
        Attribute,
        st.just(AttributeType.FLOAT64S),
        st.lists(st.floats(allow_nan=False)).map(tuple),
    ),
)
SLOTS = st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple), max_size=3)
OPERATORS = st.builds(
    OpDesc, NAMES, SLOTS, SLOTS, st.dictionaries(NAMES, ATTRIBUTES, max_size=4), st.booleans()
)


@settings(deadline=None, max_examples=30)
@given(st.lists(OPERATORS, max_size=2))
def test_reads_any_operators(operators: list[OpDesc]) -> None:
    file = File("v2.13-rc", Program((Block((), tuple(operators)),)), ())
    assert decode(encode(file)) == file


def test_takes_an_absent_value_for_the_default_of_its_field() -> None:
    """The official tool leaves values out that are zero."""
    builder = flatbuffers.Builder(0)
    name = builder.CreateString("col")
    builder.StartObject(16)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    attribute = builder.EndObject()
    attributes = vector(builder, attribute)
    kind = builder.CreateString("feed")
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(3, attributes, 0)
    program = program_of_operators(builder, builder.EndObject())
    (op,) = decode(with_topology(program)).program.blocks[0].operators
    assert op == OpDesc("feed", {}, {}, {"col": integer(0)})


def vector(builder: flatbuffers.Builder, *offsets: int) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def program_of_operators(builder: flatbuffers.Builder, *operators: int) -> bytes:
    ops = vector(builder, *operators)
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(3, ops, 0)
    blocks = vector(builder, builder.EndObject())
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, blocks, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


NO_PARAMETERS = struct.pack("<HHHHI", 0, 0, 6, 0, 0)


def with_topology(topology: bytes, rest: bytes = NO_PARAMETERS, meta_version: int = 2) -> bytes:
    return struct.pack("<H16sQ", meta_version, b"v2.8", len(topology)) + topology + rest


# ---- layouts


def parameter_table(builder: flatbuffers.Builder, name: str, array: np.ndarray) -> int:
    data = builder.CreateByteVector(array.tobytes())
    dims = builder.CreateNumpyVector(np.array(array.shape, np.int64))
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(2, dims, 0)
    builder.PrependInt32Slot(3, DATA_TYPES[array.dtype.name], 0)
    builder.PrependUOffsetTRelativeSlot(4, data, 0)
    tensor = builder.EndObject()
    text = builder.CreateString(name)
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, text, 0)
    builder.PrependUint8Slot(2, 1, 0)
    builder.PrependUOffsetTRelativeSlot(3, tensor, 0)
    return int(builder.EndObject())


def test_reads_the_first_layout_with_all_parameters_in_one_flatbuffer() -> None:
    file, weights = convolution_file()
    builder = flatbuffers.Builder(0)
    tables = [parameter_table(builder, name, weights[name]) for name in sorted(weights)]
    parameters = vector(builder, *tables)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, parameters, 0)
    builder.Finish(builder.EndObject())
    data = with_topology(encode_program(file.program), bytes(builder.Output()), meta_version=1)
    read = decode(data)
    assert (read.meta_version, read.version) == (1, "v2.8")
    assert (read.program, read.parameters) == (file.program, file.parameters)


def test_reads_over_bytes_that_are_reserved() -> None:
    topology = encode_program(SMALL.program)
    builder = flatbuffers.Builder(0)
    builder.Finish(parameter_table(builder, "w", SMALL.parameters[0].data))
    parameter = bytes(builder.Output())
    header = struct.pack("<HH3sHHI2s", 0, 3, b"any", 8, 1, 3, b"??")
    sizes = struct.pack("<II4s", 8 + len(parameter), 8, b"more")
    read = decode(with_topology(topology, header + sizes + parameter))
    assert read.parameters == SMALL.parameters


def test_ignores_what_follows_the_zero_of_the_version_text() -> None:
    data = bytearray(encode(SMALL))
    data[2:18] = b"v2.9\0\xff\x01garbage\xff\xff"
    assert decode(bytes(data)).version == "v2.9"


def test_refuses_the_format_before_2_7_with_advice() -> None:
    data = struct.pack("<H16sQ", 0, b"v2.6.3", 10) + bytes(10)
    with pytest.raises(UnsupportedError, match=r"m\.nb: .* 2\.6 and older.*; convert the model"):
        decode(data, "m.nb")


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\x03\x12\x0bpytorch",
        b"PK\x03\x04" + bytes(60),
        b"\x00\x00\xff\xfe" + bytes(60),
        b"name: 'LeNet'\nlayer {" + b" " * 40,
    ],
)
def test_refuses_what_is_no_nb_file(data: bytes) -> None:
    with pytest.raises(DamagedFileError, match=r"is not a Paddle Lite|cut off"):
        decode(data)


# ---- files on disk


def test_parameters_are_views_of_the_memory_map(tmp_path: Path) -> None:
    file, _ = convolution_file()
    path = tmp_path / "model.nb"
    path.write_bytes(encode(file))
    read = read_file(path)
    assert read == file
    for parameter in read.parameters:
        assert not parameter.data.flags.owndata
        assert not parameter.data.flags.writeable


def test_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"no\.nb: No such file"):
        read_file(tmp_path / "no.nb")


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=str(tmp_path)):
        read_file(tmp_path)


def test_refuses_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.nb"
    path.touch()
    with pytest.raises(DamagedFileError, match=r"empty\.nb: the file is empty"):
        read_file(path)


# ---- damage


def test_refuses_a_file_that_is_cut_off_anywhere() -> None:
    data = encode(SMALL)
    for size in range(1, len(data)):
        with pytest.raises(DamagedFileError, match="cut off"):
            decode(data[:size])


def test_refuses_bytes_after_the_last_parameter() -> None:
    with pytest.raises(DamagedFileError, match="3 bytes follow"):
        decode(encode(SMALL) + b"abc")


def test_any_changed_byte_gives_a_file_or_an_error_of_ours() -> None:
    data = encode(SMALL)
    refused = 0
    for position in range(len(data)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            changed = bytearray(data)
            changed[position] = value
            refused += damaged(bytes(changed))
    assert refused > len(data)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_gives_a_file_or_an_error_of_ours(seed: int) -> None:
    file, _ = convolution_file()
    data = encode(file)
    rng = random.Random(seed)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 2, 8))):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        start = time.perf_counter()
        damaged(bytes(changed))
        assert time.perf_counter() - start < 1


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_give_an_error_of_ours(topology: bytes) -> None:
    damaged(with_topology(topology))
    damaged(with_topology(encode_program(SMALL.program), topology))
    damaged(with_topology(encode_program(SMALL.program), topology, meta_version=1))


def damaged(data: bytes) -> bool:
    """Whether a file is refused; anything but one of our errors fails the test."""
    try:
        decode(data)
    except OptError:
        return True
    return False


def test_refuses_a_small_file_that_stands_for_endless_objects() -> None:
    """Each of 3000 operators is the same one, which has the same attribute 3000 times."""
    builder = flatbuffers.Builder(0)
    names = [builder.CreateString(f"{index}") for index in range(3000)]
    attributes = []
    for name in names:
        builder.StartObject(16)
        builder.PrependUOffsetTRelativeSlot(0, name, 0)
        attributes.append(builder.EndObject())
    all_attributes = vector(builder, *attributes)
    kind = builder.CreateString("relu")
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(3, all_attributes, 0)
    op = builder.EndObject()
    data = with_topology(program_of_operators(builder, *[op] * 3000))
    start = time.process_time()
    with pytest.raises(DamagedFileError, match="again and again"):
        decode(data)
    assert time.process_time() - start < 5


def test_refuses_a_topology_that_claims_to_be_huge() -> None:
    data = struct.pack("<H16sQ", 2, b"v2.12", (1 << 64) - 1) + bytes(100)
    with pytest.raises(DamagedFileError, match=r"topology should have 18446744073709551615"):
        decode(data)


def test_refuses_a_vector_that_claims_to_be_huge() -> None:
    topology = bytearray(encode_program(SMALL.program))
    place = topology.index(struct.pack("<I", 4) + b"relu")
    struct.pack_into("<I", topology, place, 0xFFFF_FFFF)
    with pytest.raises(DamagedFileError, match="the topology is damaged"):
        decode(with_topology(bytes(topology)))


def one_parameter(shape: tuple[int, ...], data: bytes, *, dtype: int = 5, kind: int = 1) -> bytes:
    builder = flatbuffers.Builder(0)
    raw = builder.CreateByteVector(data)
    dims = builder.CreateNumpyVector(np.array(shape, np.int64))
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(2, dims, 0)
    builder.PrependInt32Slot(3, dtype, 0)
    builder.PrependUOffsetTRelativeSlot(4, raw, 0)
    tensor = builder.EndObject()
    name = builder.CreateString("w")
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, name, 0)
    builder.PrependUint8Slot(2, kind, 0)
    builder.PrependUOffsetTRelativeSlot(3, tensor, 0)
    builder.Finish(builder.EndObject())
    table = bytes(builder.Output())
    return struct.pack("<HHHHIII", 0, 0, 6, 1, 8, 4 + len(table), 4) + table


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (one_parameter((3,), bytes(8)), r"'w': float32 of \[3\] is not 8 bytes"),
        (one_parameter((-1, -2), bytes(8)), r"is not 8 bytes"),
        (one_parameter((1 << 62, 1 << 62), bytes(8)), r"is not 8 bytes"),
        (one_parameter((1,) * 33, bytes(4)), "33 dimensions"),
        (one_parameter((2,), bytes(8), dtype=7), "7 is no type"),
        (one_parameter((2,), bytes(8), dtype=99), "99 is no type"),
        (one_parameter((2,), bytes(8), kind=2), "'w' is not a tensor"),
        (struct.pack("<HHHHI", 1, 0, 6, 0, 0), "unknown layout"),
        (struct.pack("<HHHHI", 0, 0, 5, 0, 0), "unknown layout"),
        (struct.pack("<HHHHIII", 0, 0, 6, 1, 0, 4, 8), "contradict"),
        (struct.pack("<HHHHIII", 0, 0, 6, 1, 0, 4, 3), "contradict"),
    ],
)
def test_refuses_parameters_that_contradict_themselves(parameter: bytes, problem: str) -> None:
    with pytest.raises(DamagedFileError, match=problem):
        decode(with_topology(encode_program(SMALL.program), parameter))


def test_reads_a_parameter_without_elements() -> None:
    read = decode(with_topology(encode_program(SMALL.program), one_parameter((0, 3), b"")))
    assert read.parameters[0].data.shape == (0, 3)


def test_refuses_two_parameters_of_one_name() -> None:
    one = one_parameter((2,), bytes(8))
    two = struct.pack("<HHHHI", 0, 0, 6, 2, 8) + one[12:] * 2
    with pytest.raises(DamagedFileError, match="same name"):
        decode(with_topology(encode_program(SMALL.program), two))


def changed_topology(old: bytes, new: bytes) -> bytes:
    topology = encode_program(SMALL.program)
    assert topology.count(old) == 1
    return with_topology(topology.replace(old, new))


def test_refuses_a_table_that_is_larger_than_the_file() -> None:
    """Its layout says that a field is 65,520 bytes on, inside a table of 65,535."""
    layout = struct.pack("<HHH", 6, 0xFFFF, 0xFFF0)
    topology = struct.pack("<I", 12) + layout + bytes(2) + struct.pack("<i", 8)
    with pytest.raises(DamagedFileError, match="refers to byte 65547 of 16"):
        decode(with_topology(topology))


def test_refuses_text_that_is_not_unicode() -> None:
    with pytest.raises(DamagedFileError, match="not UTF-8"):
        decode(changed_topology(b"axis", b"ax\xffs"))


def test_refuses_an_attribute_of_an_unknown_type() -> None:
    file = one_operator(operator("relu", name=Attribute(AttributeType.LONG, 77)))
    topology = encode_program(file.program)
    for number in (13, 99):  # VAR has no value in the file
        place = topology.index(struct.pack("<i", AttributeType.LONG))
        changed = topology[:place] + struct.pack("<i", number) + topology[place + 4 :]
        with pytest.raises(DamagedFileError, match="'name' is of no known type"):
            decode(with_topology(changed))


def test_refuses_a_name_that_comes_twice() -> None:
    file = one_operator(operator("relu", ab=integer(1), ac=text("x")))
    topology = encode_program(file.program).replace(b"ac\0", b"ab\0")
    with pytest.raises(DamagedFileError, match="'relu' has 'ab' twice"):
        decode(with_topology(topology))


def test_refuses_a_program_without_a_block() -> None:
    with pytest.raises(DamagedFileError, match="no block"):
        decode(with_topology(encode_program(Program(()))))
