"""Measures how long a model takes, beside another backend where that is asked for."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.file_format import FileFormat
from opt_tool.api.loading import load_model
from opt_tool.api.lowering import lower
from opt_tool.api.report import to_json
from opt_tool.api.runners import BACKENDS, Feeds, NumpyRunner, Runner
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.errors import UsageError
from opt_tool.ir import Node

WARM_UPS = 1
HERE = "x86"
"""The target whose passes suit the machine that a benchmark runs on."""


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """The median time of all nodes of one operator together, and its part of the total."""

    op: str
    count: int
    median_seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class OtherTime:
    """How long another backend takes for the same inputs."""

    backend: str
    median_seconds: float
    spread: float


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """How long a model takes.

    ``spread`` is the range of the middle half of the runs as a part of the median;
    ``ratio`` is our median by the other's.
    """

    path: str
    backend: str
    threads: int
    repeat: int
    median_seconds: float
    spread: float
    operators: tuple[OperatorTime, ...] | None = None
    against: OtherTime | None = None
    ratio: float | None = None

    def to_json(self) -> str:
        return to_json(self)


def bench(
    model: str | Path,
    *,
    threads: int = 1,
    repeat: int = 10,
    per_op: bool = False,
    against: str | None = None,
) -> BenchmarkReport:
    """Run a model in the NumPy runtime and take the time.

    Args:
        model: An ONNX model, which is optimised first, or a .nb file.
        threads: How many threads to use.
        repeat: How many runs to time, after one that is not counted.
        per_op: Whether to time each operator as well.
        against: Another backend that takes turns with the NumPy runtime.
    """
    if repeat < 1:
        raise UsageError("there must be at least one run to time")
    path = Path(model)
    if against is not None and against not in BACKENDS:
        raise UsageError(f"no backend is called {against!r}; there are {', '.join(BACKENDS)}")
    other = None if against is None else BACKENDS[against](path, threads)
    loaded = load_model(path)
    (feeds,) = sample_inputs(input_specs(loaded.graph), 1)
    if loaded.format is not FileFormat.PADDLE_LITE:
        lower(loaded.graph, HERE, "2.13")
    ours = NumpyRunner(loaded.graph, threads=threads)
    runners = [ours] if other is None else [ours, other]
    seconds = interleaved(runners, feeds, repeat)
    medians = [statistics.median(times) for times in seconds]
    return BenchmarkReport(
        path=str(path),
        backend=ours.name,
        threads=threads,
        repeat=repeat,
        median_seconds=medians[0],
        spread=spread(seconds[0]),
        operators=operator_times(ours, feeds, repeat) if per_op else None,
        against=None if other is None else OtherTime(other.name, medians[1], spread(seconds[1])),
        ratio=None if other is None else medians[0] / medians[1],
    )


def interleaved(runners: Sequence[Runner], feeds: Feeds, repeat: int) -> list[list[float]]:
    """The seconds of each runner's runs; they take turns, so that both meet the same weather."""
    seconds: list[list[float]] = [[] for _ in runners]
    for number in range(WARM_UPS + repeat):
        for runner, times in zip(runners, seconds, strict=True):
            start = time.perf_counter()
            runner.run(feeds)
            if number >= WARM_UPS:
                times.append(time.perf_counter() - start)
    return seconds


def spread(seconds: Sequence[float]) -> float:
    """The range of the middle half as a part of the median."""
    if len(seconds) < 2:
        return 0.0
    first, median, third = statistics.quantiles(seconds, n=4, method="inclusive")
    return (third - first) / median


def operator_times(runner: NumpyRunner, feeds: Feeds, repeat: int) -> tuple[OperatorTime, ...]:
    """The time of each operator, the slowest first."""
    runs = [_one_run(runner, feeds) for _ in range(repeat)]
    counts = Counter(node.op.type for node in runner.graph.nodes)
    medians = {op: statistics.median(run[op] for run in runs) for op in counts}
    total = sum(medians.values())
    return tuple(
        OperatorTime(op, counts[op], median, median / total if total > 0 else 0.0)
        for op, median in sorted(medians.items(), key=lambda item: (-item[1], item[0]))
    )


def _one_run(runner: NumpyRunner, feeds: Feeds) -> Mapping[str, float]:
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def watch(node: Node, made: Iterable[np.ndarray]) -> None:  # noqa: ARG001
        nonlocal last
        now = time.perf_counter()
        seconds[node.op.type] = seconds.get(node.op.type, 0.0) + now - last
        last = now

    runner.executor.run(feeds, watch=watch)
    return seconds
