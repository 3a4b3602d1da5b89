"""Mapped files, and arrays that are views of them: their memory can be given back at any time."""

from __future__ import annotations

import mmap
from os import SEEK_END
from pathlib import Path

import numpy as np


def mapped(path: Path) -> mmap.mmap | None:
    """A file in memory, to be read only; None where it is empty, which systems do not map.

    Raises:
        OSError: when it cannot be read.
    """
    with path.open("rb") as stream:
        if stream.seek(0, SEEK_END) == 0:
            return None
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def forget(array: np.ndarray) -> None:
    """Give back the memory of an array that lies in a mapped file.

    It is read from the file again when it is needed, so that models larger than the memory can
    be gone through weight by weight. Any other array is left alone, and so are all of them
    where the system does not take such advice.
    """
    root = _root(array)
    owner = root.base.obj if isinstance(root.base, memoryview) else root.base
    if not isinstance(owner, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    start = _address(root) - _address(np.frombuffer(owner, np.uint8, 1))
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE  # pages that other arrays share stay
    last = (start + root.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        owner.madvise(mmap.MADV_DONTNEED, first, last - first)


def _root(array: np.ndarray) -> np.ndarray:
    """The array that others are views of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
