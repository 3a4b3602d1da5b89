"""Runs a model on arrays from files and writes what it computes to files."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.array_files import load_array
from opt_tool.api.loading import load
from opt_tool.api.output_file import output_file
from opt_tool.api.report import to_json
from opt_tool.api.session import Session
from opt_tool.errors import FileAccessError, UsageError
from opt_tool.ir import TensorType
from opt_tool.runtime.binding import POLICIES


@dataclass(frozen=True, slots=True)
class OutputArray:
    """One output and the file that it is in."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of a model."""

    path: str
    backend: str
    seconds: float
    outputs: tuple[OutputArray, ...]

    def to_json(self) -> str:
        return to_json(self)


def run_files(
    model: Path,
    inputs: Mapping[str, Path],
    output_dir: Path,
    *,
    weights: Path | None = None,
    backend: str = "numpy",
    threads: int = 1,
    conv_algorithm: str | None = None,
    conv_policy: str = POLICIES[0],
) -> RunReport:
    """Run a model once.

    Args:
        model: A model of any format that opt reads.
        inputs: A .npy file for each input by name; the only input may be called "".
        output_dir: The folder for the outputs; it is made if it is not there.
        weights: The second file of a Caffe model.
        backend: What runs the model, as for ``Session``.
        threads: How many threads to use.
        conv_algorithm: How to compute convolutions, as for ``Session``.
        conv_policy: What decides otherwise, as for ``Session``.
    """
    session = Session(
        model,
        weights,
        backend=backend,
        threads=threads,
        conv_algorithm=conv_algorithm,
        conv_policy=conv_policy,
    )
    feeds = _named(session.inputs, inputs)
    start = time.perf_counter()
    results = session.run(feeds)
    seconds = time.perf_counter() - start
    _make_folder(output_dir)
    outputs = tuple(
        _save(name, array, file)
        for (name, array), file in zip(
            results.items(), _files(output_dir, list(results)), strict=True
        )
    )
    return RunReport(str(model), backend, seconds, outputs)


def load_arrays(
    model: Path, inputs: Mapping[str, Path], weights: Path | None = None
) -> dict[str, np.ndarray]:
    """The arrays in files, by the names of a model's inputs."""
    types = {value.name: value.type for value in load(model, weights).inputs}
    return _named(types, inputs)


def _named(types: Mapping[str, TensorType], inputs: Mapping[str, Path]) -> dict[str, np.ndarray]:
    if set(inputs) == {""} and len(types) == 1:
        return {next(iter(types)): load_array(inputs[""])}
    missing = [name for name in types if name not in inputs]
    if missing or "" in inputs:
        wanted = ", ".join(f"{name} ({type})" for name, type in types.items())
        raise UsageError(f"give an array for each input with --input NAME=file.npy: {wanted}")
    return {name: load_array(file) for name, file in inputs.items()}


def read_values(given: Mapping[str, tuple[float, ...] | Path]) -> dict[str, np.ndarray]:
    """Arrays from numbers or .npy files, by name; whole numbers become int64."""
    return {
        name: load_array(value) if isinstance(value, Path) else _vector(value)
        for name, value in given.items()
    }


def _vector(numbers: tuple[float, ...]) -> np.ndarray:
    vector = np.array(numbers, np.float64)
    whole = vector.astype(np.int64)
    return whole if np.array_equal(whole, vector) else vector


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(path, f"cannot be made: {error.strerror or error}") from error


def _files(folder: Path, names: list[str]) -> list[Path]:
    """A file for each output; what file systems do not take is replaced."""
    files: list[Path] = []
    for name in names:
        stem = re.sub(r"[^\w.-]", "_", name).lstrip(".") or "output"
        number, file = 1, folder / f"{stem}.npy"
        while file in files:
            number += 1
            file = folder / f"{stem}.{number}.npy"
        files.append(file)
    return files


def _save(name: str, array: np.ndarray, file: Path) -> OutputArray:
    with output_file(file) as part, part.open("wb") as stream:
        np.save(stream, array)
    return OutputArray(name, array.dtype.name, array.shape, str(file))
