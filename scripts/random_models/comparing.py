"""Converts models, runs the files, and says of each whether it computes what its source does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.api import official_runtime
from opt_tool.api.conversion import FailedConversionError, convert
from opt_tool.api.difference import Comparison, Difference
from opt_tool.api.drift import is_exact
from opt_tool.api.official_runtime import OfficialRuntimeError
from opt_tool.api.quantization import QuantizationOptions
from opt_tool.api.session import Session
from opt_tool.api.verification import BOUND
from opt_tool.errors import OptError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from random_models.growth import perturbed
from random_models.model import RandomModel
from random_models.source import Results, Source

AGREES, REFUSED, UNSTABLE, UNKNOWN, DIFFERS = KINDS = (
    "agree", "refused", "unstable", "without reference", "differ",
)  # fmt: skip
"""How a model may end. One is unstable whose reference moves as far by rounding alone."""

Arrays: TypeAlias = "list[np.ndarray]"
Job: TypeAlias = "tuple[Path, Sequence[Arrays]]"
"""A file, and sets of inputs in the file's order."""

Runtime: TypeAlias = Callable[[Sequence[Job], str], "list[list[Arrays] | OptError]"]
"""Runs files in a runtime of a version: for each set of inputs its outputs, or the error."""


class Verdict(NamedTuple):
    """How a model ended: where it differs, and by what."""

    kind: str
    place: str = ""
    words: str = ""


@dataclass(frozen=True)
class Settings:
    """How models are converted, and what runs the files besides opt's own runtime."""

    target: str = "x86"
    version: str = official_runtime.DEFAULT_VERSION
    quantization: str | None = None
    verify: bool = False
    runtime: Runtime | None = None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.target, self.version, self.quantization)))


def official_x86(jobs: Sequence[Job], version: str) -> list[list[Arrays] | OptError]:
    """The official runtime for x86; files with one set of inputs share a process."""
    if len(jobs) > 1 and all(len(sets) == 1 for _, sets in jobs):
        outcomes = official_runtime.run_each([(nb, sets[0]) for nb, sets in jobs], version)
        return [outcome if isinstance(outcome, OptError) else [outcome] for outcome in outcomes]
    return [_alone(nb, sets, version) for nb, sets in jobs]


def _alone(nb: Path, sets: Sequence[Arrays], version: str) -> list[Arrays] | OptError:
    try:
        return official_runtime.run(nb, sets, version)
    except OfficialRuntimeError as error:
        return error


RUNTIMES: Mapping[str, Runtime] = {"x86": official_x86}
"""What runs the files of a target on this machine."""


def compare(
    source: Source, models: Sequence[RandomModel], settings: Settings, folder: Path
) -> list[Verdict]:
    """A verdict for each model."""
    places = [_place(folder, number) for number in range(len(models))]
    pairs = zip(models, places, strict=True)
    files = [_converted(source, model, settings, place) for model, place in pairs]
    expected = source.expected(models, _place(folder, len(models)))
    triples = list(zip(files, models, expected, strict=True))
    verdicts = [_compare_numpy(*triple, settings) for triple in triples]
    if settings.runtime is not None:
        _compare_runtime(triples, settings, verdicts)
    return [
        _unless_unstable(source, model, verdict, places[0])
        for model, verdict in zip(models, verdicts, strict=True)
    ]


def _place(folder: Path, number: int) -> Path:
    place = folder / str(number)
    place.mkdir(parents=True, exist_ok=True)
    return place


def _converted(
    source: Source, model: RandomModel, settings: Settings, folder: Path
) -> Path | Verdict:
    """The model as a file."""
    model_file, *weights = source.write(model, folder)
    mode = settings.quantization
    try:
        convert(
            model_file,
            folder / "out.nb",
            *weights,
            target=settings.target,
            lite_version=settings.version,
            outputs=model.outputs if weights else (),
            quantization=None if mode is None else QuantizationOptions(mode=mode),
            verify=settings.verify or mode is not None,  # against the weights that are left
        )
    except FailedConversionError as error:
        drift = mode is not None and is_exact(error.report.verification)
        return Verdict(REFUSED if drift else DIFFERS, "verification", str(error))
    except OptError as error:
        return Verdict(REFUSED, "", str(error))
    except Exception as error:  # whatever it is, it is what is looked for
        return Verdict(DIFFERS, "conversion", repr(error))
    return folder / "out.nb"


def _compare_numpy(
    file: Path | Verdict, model: RandomModel, wanted: Results | None, settings: Settings
) -> Verdict:
    """Compare what opt's own runtime makes of the file; quantized ones have been verified."""
    if isinstance(file, Verdict):
        return file
    if wanted is None:
        return Verdict(UNKNOWN)
    try:
        found = own_results(file, model)
    except Exception as error:  # whatever it is, it is what is looked for
        return Verdict(DIFFERS, "numpy", repr(error))
    return verdict_of("numpy", found, found if settings.quantization else wanted)


def own_results(file: Path, model: RandomModel) -> Results:
    """What opt's own runtime makes of a file, and of the first inputs again in the end."""
    session = Session(file, conv_algorithm="im2col")  # exact to rounding
    feeds = in_order(paddle_lite.read(file), model)
    runs = [
        list(session.run(dict(zip(session.inputs, arrays, strict=True))).values())
        for arrays in (*feeds, feeds[0])
    ]
    again = runs.pop()
    if not all(map(np.array_equal, again, runs[0])):
        raise ValueError("the same inputs give something else in a later run")
    return runs


def in_order(graph: Graph, model: RandomModel) -> list[Arrays]:
    """Each of the model's feeds in the order and the types of a file's inputs."""
    return [
        [feed[value.name].astype(value.type.dtype.numpy, copy=False) for value in graph.inputs]
        for feed in model.feeds
    ]


def _compare_runtime(
    triples: Sequence[tuple[Path | Verdict, RandomModel, Results | None]],
    settings: Settings,
    verdicts: list[Verdict],
) -> None:
    """Compare what the target's runtime makes of the files that opt's own has agreed on.

    Quantized files are held to what the weights in them give.
    """
    assert settings.runtime is not None
    jobs: list[Job] = []
    chosen: list[tuple[int, Results]] = []
    for n, (file, model, wanted) in enumerate(triples):
        if verdicts[n].kind != AGREES or isinstance(file, Verdict) or wanted is None:
            continue
        graph = paddle_lite.read(file)
        if graph.inputs:  # the runtime runs no file without inputs
            jobs.append((file, in_order(graph, model)))
            chosen.append((n, own_results(file, model) if settings.quantization else wanted))
    outcomes = settings.runtime(jobs, settings.version) if jobs else []
    place = f"{settings.target} runtime"
    for (n, wanted), found in zip(chosen, outcomes, strict=True):
        if isinstance(found, OptError):
            verdicts[n] = Verdict(DIFFERS, place, str(found))
        else:
            verdicts[n] = verdict_of(place, found, wanted)


def verdict_of(place: str, found: Results, wanted: Results) -> Verdict:
    """Whether outputs are equal within the bound of verification."""
    for feed, (arrays, references) in enumerate(zip(found, wanted, strict=True)):
        for number, (array, reference) in enumerate(zip(arrays, references, strict=True)):
            difference = _difference(array, reference)
            if not difference.within(BOUND):
                fact = difference.problem or f"{difference.max_rel_error} of the scale"
                where = f"output {number}" + (f", feed {feed}" if len(wanted) > 1 else "")
                return Verdict(DIFFERS, place, f"{where}: {fact}")
    return Verdict(AGREES)


def _difference(found: np.ndarray, wanted: np.ndarray) -> Difference:
    comparison = Comparison("output")
    if found.size == wanted.size == 1 and min(found.ndim, wanted.ndim) == 0:
        found = found.reshape(wanted.shape)  # a runtime's scalars are vectors of one element
    comparison.add(wanted, found)
    return comparison.result()


def _unless_unstable(source: Source, model: RandomModel, verdict: Verdict, folder: Path) -> Verdict:
    """The verdict, but for a model that multiplies errors of rounding."""
    if verdict.kind != DIFFERS:
        return verdict
    others = [model.fed(perturbed(model.feeds, seed)) for seed in range(2)]
    wanted, *moved = source.expected([model, *others], folder)
    if wanted is None or all(
        results is not None and verdict_of("reference", results, wanted).kind == AGREES
        for results in moved
    ):
        return verdict
    return Verdict(UNSTABLE, verdict.place, verdict.words)
