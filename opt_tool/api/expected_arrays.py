"""Outputs that are known already: arrays in the place of a model in a comparison.

They lie in a ``.npy`` file (one output), in a ``.npz`` file (by name or, as NumPy calls
them by itself, in order), or in a folder of ``.npy`` files such as ``opt run`` writes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.api.array_files import load_archive, load_array
from opt_tool.api.run_files import file_stems
from opt_tool.errors import FileAccessError, UsageError

MAGIC = b"\x93NUMPY"
NAMELESS = ""


def holds_arrays(path: Path) -> bool:
    """Whether a file or folder holds arrays and no model, by its content."""
    if path.is_dir():
        return any(path.glob("*.npy"))
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                return True
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except FileNotFoundError as error:
        raise FileAccessError(path, "there is no such file") from error
    except (OSError, zipfile.BadZipFile):
        return False  # whoever reads it as a model says what is wrong with it


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays by name; the only one of a file without names is called ""."""
    if path.is_dir():
        return {file.stem: load_array(file) for file in sorted(path.glob("*.npy"))}
    if zipfile.is_zipfile(path):
        return load_archive(path)
    return {NAMELESS: load_array(path)}


def by_output(
    path: Path, arrays: Mapping[str, np.ndarray], outputs: Sequence[str]
) -> dict[str, np.ndarray]:
    """The arrays by the names of a model's outputs.

    Raises:
        UsageError: when they are not one for each output.
    """
    for names in (list(outputs), file_stems(outputs)):
        if set(names) <= set(arrays):
            return {output: arrays[name] for output, name in zip(outputs, names, strict=True)}
    in_order = all(re.fullmatch(r"arr_\d+|", name) for name in arrays)
    if in_order and len(arrays) == len(outputs):
        return dict(zip(outputs, arrays.values(), strict=True))
    found = ", ".join(arrays) if set(arrays) != {NAMELESS} else "one array"
    raise UsageError(f"{path}: holds {found}; the model's outputs are {', '.join(outputs)}")
