"""Measures how long a model takes, beside another backend where that is asked for."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api import cost
from opt_tool.api.file_format import FileFormat
from opt_tool.api.json_form import to_json
from opt_tool.api.loading import formats_of, load_model
from opt_tool.api.runners import BACKENDS, Feeds, Files, NumpyRunner, Runner, numpy_runner
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.errors import UsageError
from opt_tool.ir import Node
from opt_tool.runtime.binding import POLICIES, Settings
from opt_tool.runtime.convolution_plan import algorithm_of

WARM_UPS = 1


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """The median time of all nodes of one operator together, and its part of the total.

    ``gflops`` is 2 * multiply-accumulates by the time; None where there are none to count.
    ``algorithms`` says how many convolutions are computed in which way.
    """

    op: str
    count: int
    median_seconds: float
    share: float
    gflops: float | None
    algorithms: Mapping[str, int]


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
    weights: str | Path | None = None,
    *,
    threads: int = 1,
    repeat: int = 10,
    per_op: bool = False,
    against: str | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    conv_algorithm: str | None = None,
    conv_policy: str = POLICIES[0],
) -> BenchmarkReport:
    """Run a model in the NumPy runtime and take the time.

    Args:
        model: A .nb file, or a model of another format, which is optimised first.
        weights: The second file of a Caffe model.
        threads: How many threads to use.
        repeat: How many runs to time, after one that is not counted.
        per_op: Whether to time each operator as well.
        against: Another backend that takes turns with the NumPy runtime.
        input_shapes: Shapes that take the place of those in the model, by input name; what
            stays open gets a usual size.
        conv_algorithm: How to compute convolutions, as for ``Session``.
        conv_policy: What decides otherwise, as for ``Session``.
    """
    if repeat < 1:
        raise UsageError("there must be at least one run to time")
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    if against is not None and against not in BACKENDS:
        raise UsageError(f"no backend is called {against!r}; there are {', '.join(BACKENDS)}")
    settings = Settings(threads=threads, conv_algorithm=conv_algorithm, conv_policy=conv_policy)
    feeds = _feeds(files, {} if input_shapes is None else input_shapes)
    shapes = {name: array.shape for name, array in feeds.items()}
    other = None if against is None else BACKENDS[against](files, settings, shapes)
    fixed = formats_of(files) is FileFormat.PADDLE_LITE
    ours = numpy_runner(files, settings, {} if fixed else shapes)
    runners = [ours] if other is None else [ours, other]
    seconds = interleaved(runners, feeds, repeat)
    medians = [statistics.median(times) for times in seconds]
    return BenchmarkReport(
        path=str(files[0]),
        backend=ours.name,
        threads=threads,
        repeat=repeat,
        median_seconds=medians[0],
        spread=spread(seconds[0]),
        operators=operator_times(ours, feeds, repeat) if per_op else None,
        against=None if other is None else OtherTime(other.name, medians[1], spread(seconds[1])),
        ratio=None if other is None else medians[0] / medians[1],
    )


def _feeds(files: Files, shapes: Mapping[str, Sequence[int]]) -> Feeds:
    """Inputs of the shapes that are given, and of usual ones where that leaves them open."""
    specs = input_specs(load_model(*files, input_shapes=shapes).graph)
    (feeds,) = sample_inputs(specs, 1)
    return feeds


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
    nodes: dict[str, list[Node]] = {}
    for node in runner.graph.nodes:
        nodes.setdefault(node.op.type, []).append(node)
    medians = {op: statistics.median(run[op] for run in runs) for op in nodes}
    total = sum(medians.values())
    return tuple(
        OperatorTime(
            op=op,
            count=len(nodes[op]),
            median_seconds=median,
            share=median / total if total > 0 else 0.0,
            gflops=_gflops(nodes[op], median),
            algorithms=_algorithms(nodes[op], runner.executor.settings),
        )
        for op, median in sorted(medians.items(), key=lambda item: (-item[1], item[0]))
    )


def _gflops(nodes: Sequence[Node], seconds: float) -> float | None:
    """Billions of floating-point operations a second, counted as if all were direct."""
    macs = [cost.macs(node) for node in nodes]
    known = [count for count in macs if count is not None]
    if len(known) < len(macs) or sum(known) == 0 or seconds == 0:
        return None
    return 2e-9 * sum(known) / seconds


def _algorithms(nodes: Sequence[Node], settings: Settings) -> Mapping[str, int]:
    found = (algorithm_of(node, settings) for node in nodes)
    return dict(sorted(Counter(name for name in found if name is not None).items()))


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
