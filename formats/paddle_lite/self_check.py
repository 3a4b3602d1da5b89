"""Reads a file that was just written, and compares every weight in it with the graph's.

The bytes are read back through the file's own tables, so that a fault of the writer shows as
well as one of the disk. What was compared is given back to the system at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from opt_tool.errors import FileAccessError
from opt_tool.formats.paddle_lite.decode import decode_parameters
from opt_tool.formats.paddle_lite.schema import Parameter
from opt_tool.ir.mapped_arrays import forget, mapped

CHUNK = 1 << 22
"""So many bytes are compared at a time."""


def check_parameters(path: Path, parameters: Iterable[Parameter]) -> None:
    """Compare the parameters in a file with those that were to be written.

    Raises:
        FileAccessError: naming the first weight that differs.
        DamagedFileError: when the file cannot be read at all.
    """
    missing = {parameter.name: parameter.data for parameter in parameters}
    data = mapped(path)
    assert data is not None, "it was written"
    for found in decode_parameters(data, path):
        wanted = missing.pop(found.name, None)
        if wanted is None or not _same(found.data, wanted):
            raise FileAccessError(
                path,
                f"weight {found.name!r} reads back other than it was written; the disk or the "
                "memory of this machine may be faulty",
            )
    if missing:
        raise FileAccessError(path, f"weight {next(iter(missing))!r} is not in what was written")


def _same(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two arrays have one type, one shape and the same bytes."""
    stored = wanted.dtype.newbyteorder("<")
    if (found.dtype, found.shape) != (stored, wanted.shape):
        return False
    for ours, theirs in zip(_chunks(found), _chunks(np.asarray(wanted, stored)), strict=True):
        if not np.array_equal(ours, theirs):
            return False
        forget(found)
        forget(wanted)
    return True


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """The bytes of an array, part by part; NaNs are bytes like others."""
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for start in range(0, raw.size, CHUNK):
        yield raw[start : start + CHUNK]
