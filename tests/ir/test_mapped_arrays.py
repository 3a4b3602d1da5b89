"""Memory of mapped files is given back, and comes back."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from opt_tool.ir.mapped_arrays import forget
from resident_memory import resident_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NUMBERS = np.arange(1 << 20, dtype=np.float32)


def mapped(path: Path) -> mmap.mmap:
    path.write_bytes(b"head" + NUMBERS.tobytes())
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


@pytest.mark.parametrize("offset", [4, 8])
def test_a_view_of_a_mapped_file_gives_its_memory_back(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "weights"
    array = np.frombuffer(mapped(path), np.float32, NUMBERS.size - 1, offset)
    turned = array[: 1 << 19].reshape(-1, 4).T
    assert turned.sum() > 0
    assert resident_bytes(path) > NUMBERS.nbytes // 3
    forget(turned)
    assert resident_bytes(path) < 3 * mmap.PAGESIZE
    start = offset // 4 - 1
    np.testing.assert_array_equal(array, NUMBERS[start : start + array.size])


def test_a_view_of_a_part_of_a_map_gives_only_its_own_pages_back(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    view = memoryview(mapped(path))
    left = np.frombuffer(view[4 : 4 + NUMBERS.nbytes // 2], np.float32)
    right = np.frombuffer(view[4 + NUMBERS.nbytes // 2 :], np.float32)
    assert left.sum() + right.sum() > 0
    forget(left)
    kept = resident_bytes(path)
    assert abs(kept - right.nbytes) < 32 * mmap.PAGESIZE


def test_arrays_of_their_own_are_left_alone() -> None:
    array = np.arange(4096)
    forget(array[::2])
    np.testing.assert_array_equal(array, np.arange(4096))
