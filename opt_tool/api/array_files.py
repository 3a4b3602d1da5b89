"""Reads arrays from NumPy's files; what is no array of numbers is refused in one sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from opt_tool.errors import DamagedFileError, FileAccessError


def load_array(path: Path, *, mapped: bool = False) -> np.ndarray:
    """The array in a .npy file.

    Args:
        path: The file.
        mapped: Whether its numbers are read only when they are used.

    Raises:
        FileAccessError: when it cannot be read.
        DamagedFileError: when it is not a whole .npy file of numbers.
    """
    with _readable(path):
        loaded = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        loaded.close()
    raise DamagedFileError(path, "an archive of arrays; give one .npy file for each input")


def load_archive(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a .npz file, by name.

    Raises:
        FileAccessError: when it cannot be read.
        DamagedFileError: when it is not a whole .npz file of numbers.
    """
    with _readable(path), path.open("rb") as stream:
        loaded = np.load(stream, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            return dict(loaded)
    raise DamagedFileError(path, "one array; `numpy.savez` writes several by name")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in one sentence why a file is not read."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileAccessError(path, "there is no such file") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedFileError(
            path, "not a whole NumPy file of numbers; `numpy.save` and `numpy.savez` write them"
        ) from error
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror or error}") from error
