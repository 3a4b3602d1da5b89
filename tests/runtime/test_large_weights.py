"""Weights that are larger than the memory are read from their file in each run."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.runtime import Executor, executor
from resident_memory import resident_bytes

SIDE = 512


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("limit", "kept"), [(0, 0), (1 << 30, SIDE * SIDE * 4)])
def test_weights_above_a_limit_leave_the_memory_after_each_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, kept: int
) -> None:
    monkeypatch.setattr(executor, "LARGE", limit)
    numbers = np.arange(SIDE * SIDE, dtype=np.float32)
    path = tmp_path / "weights"
    path.write_bytes(numbers.tobytes())
    with path.open("rb") as stream:
        weights = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    b = TestGraphs()
    x = b.input(SIDE, SIDE)
    weight = b.constant(np.frombuffer(weights, np.float32).reshape(SIDE, SIDE), "weight")
    graph = b.build(b.add(ElementwiseAdd(), X=x, Y=weight))
    prepared = Executor(graph)
    for _ in range(2):
        (output,) = prepared.run({x.name: np.zeros((SIDE, SIDE), np.float32)}).values()
        np.testing.assert_array_equal(output, numbers.reshape(SIDE, SIDE))
        assert abs(resident_bytes(path) - kept) < 4 * mmap.PAGESIZE
