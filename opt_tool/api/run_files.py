"""Runs a model on arrays from files and writes what it computes to files."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.array_files import load_array
from opt_tool.api.given_arrays import by_input
from opt_tool.api.json_form import to_json
from opt_tool.api.output_file import make_folder, output_file
from opt_tool.api.session import Session
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
    feeds = _loaded(session.inputs, inputs)
    start = time.perf_counter()
    results = session.run(feeds)
    seconds = time.perf_counter() - start
    make_folder(output_dir)
    outputs = tuple(
        _save(name, array, output_dir / f"{stem}.npy")
        for (name, array), stem in zip(results.items(), file_stems(list(results)), strict=True)
    )
    return RunReport(str(model), backend, seconds, outputs)


def _loaded(types: Mapping[str, TensorType], inputs: Mapping[str, Path]) -> dict[str, np.ndarray]:
    return {name: load_array(file) for name, file in by_input(types, inputs).items()}


def file_stems(names: Sequence[str]) -> list[str]:
    """What the file of each output is called; what file systems do not take is replaced."""
    stems: list[str] = []
    for name in names:
        plain = re.sub(r"[^\w.-]", "_", name).lstrip(".") or "output"
        number, stem = 1, plain
        while stem in stems:
            number += 1
            stem = f"{plain}.{number}"
        stems.append(stem)
    return stems


def _save(name: str, array: np.ndarray, file: Path) -> OutputArray:
    with output_file(file) as part, part.open("wb") as stream:
        np.save(stream, array)
    return OutputArray(name, array.dtype.name, array.shape, str(file))
