"""Whole .nb files whose topology says what no graph can be: each is refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nb_files import TRANSFERS, feed, fetch, integer, integers, operator, tensor, text
from opt_tool.errors import DamagedFileError, OptError
from opt_tool.formats.paddle_lite import read, write
from opt_tool.formats.paddle_lite.encode import encode
from opt_tool.formats.paddle_lite.schema import (
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.targets import AttributeType, LiteVersion

X, Y = tensor("x", 1, 4, 8, 8), tensor("y", 1, 4, 8, 8)
SAME = {"padding_algorithm": text("SAME")}
PLAIN = (feed("x", 0), operator("relu"), fetch("y", 0))


def saved(folder: Path, *operators: OpDesc, variables: tuple[Var, ...] = (X, Y)) -> Path:
    weight = Parameter("w", np.ones((4, 4, 3, 3), np.float32))
    block = Block((*TRANSFERS, *variables), operators)
    path = folder / "model.nb"
    path.write_bytes(encode(File("v2.13", Program((block,)), (weight,))))
    return path


def conv(**attributes: Attribute) -> OpDesc:
    whole = {
        "strides": integers(1, 1),
        "paddings": integers(1, 1, 1, 1),
        "dilations": integers(1, 1),
        "groups": integer(1),
        **attributes,
    }
    return OpDesc("conv2d", {"Input": ("x",), "Filter": ("w",)}, {"Output": ("y",)}, whole)


def test_an_honest_file_is_read(tmp_path: Path) -> None:
    assert len(read(saved(tmp_path, *PLAIN))) == 1
    assert len(read(saved(tmp_path, PLAIN[0], conv(), PLAIN[2]))) == 1


NO_TYPE = Var("x", VarType.RAW)


@pytest.mark.parametrize(
    ("operators", "variables"),
    [
        ((OpDesc("feed", {}, {}, {}), *PLAIN[1:]), (X, Y)),
        ((*PLAIN[:2], OpDesc("fetch", {"X": ("y", "x")}, {}, {})), (X, Y)),
        ((feed("x", 0), *PLAIN), (X, Y)),
        ((*PLAIN, fetch("y", 1)), (X, Y)),
        (PLAIN, (NO_TYPE, Y)),
        (PLAIN, (Y,)),
        ((PLAIN[0], fetch("z", 0)), (X, Y)),
    ],
    ids=["no-slot", "two-in-a-slot", "fed-twice", "fetched-twice", "no-dtype", "unknown", "unmade"],
)
def test_refuses_a_topology_that_is_none(
    tmp_path: Path, operators: tuple[OpDesc, ...], variables: tuple[Var, ...]
) -> None:
    with pytest.raises(DamagedFileError):
        read(saved(tmp_path, *operators, variables=variables))


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": integers(1)},
        {"strides": integers(0, 1)},
        {"dilations": integers(1, -1)},
        {"groups": integer(0)},
        {"groups": text("one")},
        {"paddings": integers(1, 2, 3)},
        {"strides": Attribute(AttributeType.FLOATS, (1.0, 1.0))},
        {"paddings": integer(1)},
        {"padding_algorithm": text("SAME"), "strides": integers(1)},
        {"padding_algorithm": text("SAME"), "strides": integers(0, 0)},
        {"padding_algorithm": text("SAME"), "strides": text("one")},
    ],
)
def test_refuses_attributes_that_a_convolution_cannot_have(
    tmp_path: Path, attributes: dict[str, Attribute]
) -> None:
    with pytest.raises(OptError):
        read(saved(tmp_path, PLAIN[0], conv(**attributes), PLAIN[2]))


@pytest.mark.parametrize(
    "op",
    [
        OpDesc("relu", {"X": ("x",)}, {"Out": ("y", "z")}, {}),
        OpDesc("split", {"X": ("x",)}, {"Out": ("y",)}, {"num": integer(2), "axis": integer(1)}),
        OpDesc("split", {"X": ("x",)}, {"Out": ("y",)}, {"num": integer(2**31 - 1)}),
        operator("cast", in_dtype=integer(5), out_dtype=integer(65536)),
        operator("cast", in_dtype=integer(5), out_dtype=text("five")),
        operator("gather", axis=text("first")),
        OpDesc(
            "conv2d", {"Input": ("x",)}, {"Output": ("y",)}, {**SAME, "strides": integers(1, 1)}
        ),
        operator(
            "pool2d",
            padding_algorithm=text("SAME"),
            pooling_type=text("max"),
            ksize=integers(2, 2, 2),
        ),
        OpDesc(
            "slice",
            {"Input": ("x",)},
            {"Out": ("y",)},
            {
                "axes": integers(0),
                "starts": integers(0),
                "ends": integers(1),
                "decrease_axis": integers(9),
            },
        ),
        conv(w_quant_scale=Attribute(AttributeType.FLOATS, (1.0, 2.0))),
    ],
    ids=[
        "outputs",
        "too-few",
        "parts",
        "no-type",
        "type-in-words",
        "axis-in-words",
        "same-without-filter",
        "same-in-three",
        "axis",
        "scales",
    ],
)
def test_refuses_operators_whose_parts_do_not_match(tmp_path: Path, op: OpDesc) -> None:
    with pytest.raises(OptError):
        read(saved(tmp_path, PLAIN[0], op, PLAIN[2]))


def test_a_graph_is_written_back_onto_the_file_that_it_was_read_from(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN[0], conv(__kernel=text("")), PLAIN[2])
    graph = read(path)
    for node in graph.nodes:
        node.kernel = "conv2d/def/4/1/1"
    write(graph, path, version=LiteVersion("2.13"))  # its weights are mapped from the old file
    (weight,) = read(path).constants
    np.testing.assert_array_equal(weight.array(), np.ones((4, 4, 3, 3)))
    assert [file.name for file in tmp_path.iterdir()] == ["model.nb"]


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, *PLAIN)
    before = path.read_bytes()
    graph = read(path)
    for node in graph.nodes:
        node.kernel = "relu/def/4/1/1"

    def full(*arguments: object) -> None:  # noqa: ARG001
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.modules[write.__module__], "write_file", full)
    with pytest.raises(OSError, match="No space"):
        write(graph, path, version=LiteVersion("2.13"))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.nb"]
