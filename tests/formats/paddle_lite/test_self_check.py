from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.errors import FileAccessError
from opt_tool.formats.paddle_lite import read, self_check, write
from opt_tool.formats.paddle_lite.encode import encode
from opt_tool.formats.paddle_lite.schema import Block, File, Parameter, Program
from opt_tool.formats.paddle_lite.self_check import check_parameters
from opt_tool.ir import Graph
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.targets import LiteVersion

VERSION = LiteVersion("2.13")

WEIGHTS = (
    Parameter("a", np.array([[1.5, np.nan], [-0.0, np.inf]], np.float32)),
    Parameter("b", np.arange(-60, 60, dtype=np.int8)),
    Parameter("empty", np.zeros((0, 3), np.float32)),
)


def saved(folder: Path) -> Path:
    path = folder / "model.nb"
    path.write_bytes(encode(File("v2.13", Program((Block((), ()),)), WEIGHTS)))
    return path


def conv_net() -> Graph:
    b = TestGraphs()
    graph = b.build(b.add(Conv2D(), Input=b.input(1, 3, 9, 8), Filter=b.weight(4, 3, 3, 3)))
    for node in graph.nodes:
        node.kernel = "conv2d/def/2/1/1"
    return graph


def test_weights_that_are_as_they_were_written_pass(tmp_path: Path) -> None:
    check_parameters(saved(tmp_path), WEIGHTS)


@pytest.mark.parametrize("chunk", [1, 4, 7])
def test_every_byte_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(self_check, "CHUNK", chunk)
    path = saved(tmp_path)
    whole = path.read_bytes()
    stored = WEIGHTS[1].data.tobytes()
    start = whole.index(stored)
    check_parameters(path, WEIGHTS)
    for place in (start, start + len(stored) // 2, start + len(stored) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FileAccessError, match="'b' reads back other"):
            check_parameters(path, WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.astype(np.int16),
        lambda data: data.reshape(2, -1),
        lambda data: data[:-1],
        lambda data: data[::-1],
    ],
    ids=["type", "shape", "size", "order"],
)
def test_another_type_shape_or_order_is_seen(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    others = (WEIGHTS[0], Parameter("b", change(WEIGHTS[1].data)), WEIGHTS[2])
    with pytest.raises(FileAccessError, match="'b'"):
        check_parameters(saved(tmp_path), others)


def test_weights_of_another_byte_order_are_the_same_numbers(tmp_path: Path) -> None:
    big = tuple(Parameter(p.name, p.data.astype(p.data.dtype.newbyteorder(">"))) for p in WEIGHTS)
    check_parameters(saved(tmp_path), big)


def test_a_sign_of_zero_is_seen(tmp_path: Path) -> None:
    others = (Parameter("a", np.abs(WEIGHTS[0].data)), *WEIGHTS[1:])
    with pytest.raises(FileAccessError, match="'a'"):
        check_parameters(saved(tmp_path), others)


def test_a_weight_too_few_or_too_many_is_seen(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(FileAccessError, match="'b' reads back other"):
        check_parameters(path, WEIGHTS[:1])
    more = (*WEIGHTS, Parameter("more", np.ones(3, np.float32)))
    with pytest.raises(FileAccessError, match="'more' is not in"):
        check_parameters(path, more)


def test_a_file_whose_weights_went_wrong_takes_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.nb"
    path.write_bytes(b"old")
    module = sys.modules[write.__module__]
    whole = module.write_file

    def rotten(file: File, stream: object) -> None:
        damaged = [Parameter(p.name, np.zeros_like(p.data)) for p in file.parameters]
        whole(File(file.version, file.program, tuple(damaged)), stream)

    monkeypatch.setattr(module, "write_file", rotten)
    with pytest.raises(FileAccessError, match="reads back other"):
        write(conv_net(), path, version=VERSION)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.nb"]


def test_a_sound_file_takes_its_place(tmp_path: Path) -> None:
    write(conv_net(), tmp_path / "model.nb", version=VERSION)
    assert len(read(tmp_path / "model.nb")) == 1
