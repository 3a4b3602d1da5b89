"""What two sides of a comparison are fed with, and when they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from opt_tool.api.array_files import load_array
from opt_tool.api.difference import Difference
from opt_tool.api.given_arrays import by_input
from opt_tool.api.picture_files import SUFFIXES, Preprocessing, read_picture
from opt_tool.api.runners import Runner
from opt_tool.api.sample_inputs import input_specs
from opt_tool.api.samples import SampleFolder, fitted, has_pictures, skipped_warnings
from opt_tool.api.verification import BOUND, HALF_BOUND, run_on_samples
from opt_tool.errors import UsageError
from opt_tool.ir import Graph, TensorType

MIN_SQNR_DB = 10.0
"""What the outputs of a quantized file keep at least."""

Tensors: TypeAlias = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the user asked for; see ``verify`` of ``comparison``."""

    inputs: Mapping[str, np.ndarray | Path] | None
    samples: int | Path
    preprocessing: Preprocessing
    bound: float | None
    min_sqnr: float
    per_layer: bool
    input_shapes: Mapping[str, Sequence[int]]
    on_stage: Callable[[str], None]

    @property
    def picture_treatment(self) -> str | None:
        """What is done to pictures, where there are any."""
        files = [] if self.inputs is None else self.inputs.values()
        given = any(isinstance(file, Path) and file.suffix.lower() in SUFFIXES for file in files)
        found = isinstance(self.samples, Path) and has_pictures(self.samples)
        return self.preprocessing.describe() if given or found else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the samples was left out."""
        return skipped_warnings(self.samples) if isinstance(self.samples, Path) else ()


def samples_of(
    judgement: Judgement, runner: Runner, graph: Graph
) -> Iterator[tuple[Tensors, Tensors]]:
    """Each sample with what the reference makes of it.

    Args:
        judgement: Where samples come from.
        runner: The reference.
        graph: The reference as it was read.
    """
    types = {value.name: value.type for value in graph.inputs}
    if judgement.inputs is not None:
        given = by_input(types, judgement.inputs)
        sample = {name: _array(judgement, name, item, types) for name, item in given.items()}
        yield sample, runner.run(sample)
    elif isinstance(judgement.samples, Path):
        for sample in SampleFolder(judgement.samples, types, judgement.preprocessing):
            yield sample, runner.run(sample)
    else:
        samples, made = run_on_samples(runner.run, input_specs(graph), judgement.samples)
        yield from zip(samples, made, strict=True)


def _array(
    judgement: Judgement, name: str, given: np.ndarray | Path, types: Mapping[str, TensorType]
) -> np.ndarray:
    """One input from an array, a file with one, or a picture."""
    if isinstance(given, np.ndarray):
        return given
    if name not in types:
        raise UsageError(f"no input is called {name!r}; there are {sorted(types)}")
    if given.suffix.lower() in SUFFIXES:
        return read_picture(given, name, types[name], judgement.preprocessing)
    return fitted(given, name, load_array(given), types[name])


def bound_of(judgement: Judgement, *, half: bool) -> float:
    """How much of its scale a tensor may differ by."""
    if judgement.bound is not None:
        return judgement.bound
    return HALF_BOUND if half else BOUND


def failed(outputs: Iterable[Difference], bound: float) -> bool:
    """Whether an output is not within the bound."""
    return not all(output.within(bound) for output in outputs)
