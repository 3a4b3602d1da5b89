"""The user's samples in a folder: NumPy files and pictures, one sample or more in each.

A ``.npy`` file holds the only input of a model, a ``.npz`` file all inputs by name. Where an
input takes a batch of one, the first axis of a longer array counts samples, and a missing
one is added. Pictures are read as ``picture_files`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np

from opt_tool.api.array_files import load_archive, load_array
from opt_tool.api.picture_files import DEFAULT, SUFFIXES, Preprocessing, read_picture
from opt_tool.errors import FileAccessError, UsageError, first_of
from opt_tool.ir import TensorType

ARRAY, ARRAYS = ".npy", ".npz"
KNOWN = frozenset({ARRAY, ARRAYS, *SUFFIXES})
EXACT_CASTS = frozenset(
    {("float64", "float32"), ("int64", "int32"), ("int32", "int64"), ("float32", "float16")}
)
"""Conversions in which only precision is lost."""


class SamplePlace(NamedTuple):
    """Where one sample is: a file, and its row where the file has several."""

    file: Path
    row: int | None = None


class SampleFolder(Sequence[dict[str, np.ndarray]]):
    """The samples of a folder, in the order of the files' names; each is read when asked for.

    Args:
        folder: The folder.
        inputs: The type of each input of the model, by name.
        preprocessing: What is done to pictures.
        limit: How many samples are taken at most.

    Attributes:
        skipped: Files that are no samples.

    Raises:
        FileAccessError: when the folder cannot be read.
        UsageError: when it has no samples or they do not fit the inputs.
        DamagedFileError: when a file is not whole.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Mapping[str, TensorType],
        preprocessing: Preprocessing = DEFAULT,
        *,
        limit: int | None = None,
    ) -> None:
        self.folder = folder
        self.inputs = inputs
        self.preprocessing = preprocessing
        files = _files(folder)
        self.skipped = tuple(file for file in files if file.suffix.lower() not in KNOWN)
        taken = [file for file in files if file.suffix.lower() in KNOWN]
        self.places = tuple(place for file in taken for place in self._places(file))[:limit]
        if not self.places:
            raise UsageError(
                f"{folder}: holds no samples; they are .npy, .npz or picture files "
                f"({', '.join(sorted(SUFFIXES))})"
            )

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> dict[str, np.ndarray]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, np.ndarray]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> dict[str, np.ndarray] | list[dict[str, np.ndarray]]:
        if isinstance(index, slice):
            return [self._read(place) for place in self.places[index]]
        return self._read(self.places[index])

    def _places(self, file: Path) -> Iterator[SamplePlace]:
        """One place, or one for each row of an array that has more than the model takes."""
        if file.suffix.lower() != ARRAY:
            yield SamplePlace(file)
            return
        ((_, type),) = self._only_input(file)
        shape = load_array(file, mapped=True).shape
        rows = shape[0] if len(shape) == type.rank and type.rank > 0 else 1
        if type.rank == 0 or type.shape[0] != 1 or rows <= 1:
            yield SamplePlace(file)
            return
        yield from (SamplePlace(file, row) for row in range(rows))

    def _only_input(self, file: Path) -> list[tuple[str, TensorType]]:
        if len(self.inputs) != 1:
            raise UsageError(
                f"{file}: the model has {len(self.inputs)} inputs ({', '.join(self.inputs)}); "
                "give .npz files that hold them by name"
            )
        return list(self.inputs.items())

    def _read(self, place: SamplePlace) -> dict[str, np.ndarray]:
        suffix = place.file.suffix.lower()
        if suffix == ARRAYS:
            return self._read_arrays(place.file)
        ((name, type),) = self._only_input(place.file)
        if suffix != ARRAY:
            return {name: read_picture(place.file, name, type, self.preprocessing)}
        array = load_array(place.file, mapped=place.row is not None)
        if place.row is not None:
            array = np.array(array[place.row : place.row + 1])
        return {name: fitted(place.file, name, array, type)}

    def _read_arrays(self, file: Path) -> dict[str, np.ndarray]:
        arrays = load_archive(file)
        missing = [name for name in self.inputs if name not in arrays]
        if missing:
            raise UsageError(
                f"{file}: holds no array {missing[0]!r}; the model's inputs are "
                f"{', '.join(self.inputs)}, the arrays are {', '.join(arrays)}"
            )
        return {name: fitted(file, name, arrays[name], type) for name, type in self.inputs.items()}


def skipped_warnings(folder: Path) -> tuple[str, ...]:
    """One sentence on the files of a folder that are no samples, where there are any."""
    names = [file.name for file in _files(folder) if file.suffix.lower() not in KNOWN]
    if not names:
        return ()
    return (f"{folder}: {first_of(names)} are no samples and were left out",)


def has_pictures(folder: Path) -> bool:
    """Whether a folder of samples has pictures."""
    return any(file.suffix.lower() in SUFFIXES for file in _files(folder))


def fitted(file: Path, name: str, array: np.ndarray, type: TensorType) -> np.ndarray:
    """The array as an input takes it, where nothing but precision is lost.

    Raises:
        UsageError: when the array has another shape or dtype.
    """
    wanted = type.dtype.numpy
    if array.ndim == type.rank - 1 and type.shape[0] == 1:
        array = array[None]
    agrees = array.ndim == type.rank and all(
        isinstance(dim, str) or dim == size
        for dim, size in zip(type.shape, array.shape, strict=True)
    )
    castable = array.dtype == wanted or (array.dtype.name, wanted.name) in EXACT_CASTS
    if not agrees or not castable:
        found = f"{array.dtype}{list(array.shape)}"
        raise UsageError(f"{file}: input {name!r} must be {type}, found {found}")
    return array.astype(wanted, copy=False)


def _files(folder: Path) -> list[Path]:
    """The files of a folder by name, those that are hidden left out."""
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise FileAccessError(folder, "there is no such folder") from error
    except NotADirectoryError as error:
        raise FileAccessError(folder, "is no folder; samples are the files of a folder") from error
    except OSError as error:
        raise FileAccessError(folder, f"cannot be read: {error.strerror or error}") from error
    return [path for path in entries if path.is_file() and not path.name.startswith(".")]
