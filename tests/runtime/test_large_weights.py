"""Weights in a mapped file are copied once, or read in each run where they are very large."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.runtime import executor
from opt_tool.runtime.executor import Executor
from resident_memory import resident_bytes

SIDE = 512


def sum_with_weights_in(path: Path, numbers: np.ndarray, offset: int) -> tuple[Graph, Value]:
    """A sum with weights that begin ``offset`` bytes into a mapped file, and those weights."""
    path.write_bytes(b"h" * offset + numbers.tobytes())
    with path.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    b = TestGraphs()
    array = np.frombuffer(mapped, np.float32, offset=offset).reshape(SIDE, SIDE)
    x, weight = b.input(SIDE, SIDE, name="x"), b.constant(array, "weight")
    return b.build(b.add(ElementwiseAdd(), X=x, Y=weight)), weight


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("limit", "kept"), [(0, 0), (1 << 30, SIDE * SIDE * 4)])
def test_weights_above_a_limit_leave_the_memory_after_each_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, kept: int
) -> None:
    monkeypatch.setattr(executor, "LARGE", limit)
    numbers = np.arange(SIDE * SIDE, dtype=np.float32)
    path = tmp_path / "weights"
    graph, _ = sum_with_weights_in(path, numbers, offset=0)
    prepared = Executor(graph)
    for _ in range(2):
        (output,) = prepared.run({"x": np.zeros((SIDE, SIDE), np.float32)}).values()
        np.testing.assert_array_equal(output, numbers.reshape(SIDE, SIDE))
        assert abs(resident_bytes(path) - kept) < 4 * mmap.PAGESIZE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_weights_that_lie_anywhere_in_their_file_are_copied_once(tmp_path: Path) -> None:
    numbers = np.arange(SIDE * SIDE, dtype=np.float32)
    path = tmp_path / "weights"
    graph, weight = sum_with_weights_in(path, numbers, offset=3)
    assert not weight.array().flags.aligned
    prepared = Executor(graph, release=True)
    (output,) = prepared.run({"x": np.zeros((SIDE, SIDE), np.float32)}).values()
    np.testing.assert_array_equal(output, numbers.reshape(SIDE, SIDE))
    assert prepared.constant(weight) is weight.array()
    assert weight.array().__array_interface__["data"][0] % 64 == 0
    assert resident_bytes(path) < 4 * mmap.PAGESIZE


@pytest.mark.parametrize(("limit", "release"), [(0, True), (1 << 30, False)])
def test_weights_stay_in_their_file_where_they_are_large_or_others_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, limit: int, release: bool
) -> None:
    monkeypatch.setattr(executor, "LARGE", limit)
    numbers = np.arange(SIDE * SIDE, dtype=np.float32)
    graph, weight = sum_with_weights_in(tmp_path / "weights", numbers, offset=3)
    before = weight.array()
    prepared = Executor(graph, release=release)
    assert weight.array() is before
    (output,) = prepared.run({"x": np.zeros((SIDE, SIDE), np.float32)}).values()
    np.testing.assert_array_equal(output, numbers.reshape(SIDE, SIDE))
