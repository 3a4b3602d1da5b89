"""Measure the NumPy runtime beside onnxruntime and write what was measured as JSON.

    python scripts/benchmark_runtime.py [--reference] [--memory] [--repeat N] [--out FILE]
        NAME=MODEL[:SHAPE]...

For each model: the interleaved ratios of wall time and of processor time, one thread each, and
the outputs' difference from onnxruntime's; with --reference the processor time of one run of
onnx.reference, which takes minutes; Winograd against im2col, layer by layer, for all layers that
the cost model picks it for; with --memory the peak of a process of its own after one run and
after many.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any  # JSON

import numpy as np
from threadpoolctl import threadpool_info

from opt_tool.api.benchmark import interleaved, spread
from opt_tool.api.loading import load_model
from opt_tool.api.lowering import optimise
from opt_tool.api.memory import peak_rss_bytes
from opt_tool.api.runners import BACKENDS, Feeds, Shapes, numpy_runner
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.ir import Graph, Node, Value
from opt_tool.kernels.memory import channels_first
from opt_tool.runtime.binding import Settings, bind
from opt_tool.runtime.convolution_plan import TRANSFORMS, algorithm_of
from opt_tool.runtime.threads import limited_threads

SETTINGS = Settings(threads=1)
RUNS_IN_A_ROW = 200


def model_argument(text: str) -> tuple[str, Path, tuple[int, ...] | None]:
    """``NAME=MODEL`` or ``NAME=MODEL:1,3,640,640``."""
    name, _, rest = text.partition("=")
    path, _, shape = rest.partition(":")
    return name, Path(path), tuple(map(int, shape.split(","))) if shape else None


def _feeds_of(path: Path, shape: tuple[int, ...] | None) -> tuple[Feeds, Shapes]:
    """Inputs for a model, the first one in a shape that is given, and their shapes."""
    first = load_model(path).graph.inputs[0].name
    given = {} if shape is None else {first: shape}
    (feeds,) = sample_inputs(input_specs(load_model(path, input_shapes=given).graph), 1)
    return feeds, {name: array.shape for name, array in feeds.items()}


def measure(
    path: Path, shape: tuple[int, ...] | None, repeat: int, *, reference: bool
) -> dict[str, Any]:
    """Times and differences of one model in all runtimes."""
    feeds, shapes = _feeds_of(path, shape)
    start = time.process_time()
    ours = numpy_runner((path,), SETTINGS, shapes)
    result = ours.run(feeds)
    first = time.process_time() - start
    theirs = BACKENDS["onnxruntime"]((path,), SETTINGS, shapes)
    expected = theirs.run(feeds)
    seconds = interleaved([ours, theirs], feeds, repeat)
    medians = [statistics.median(times) for times in seconds]
    processor = _by_turns([lambda: ours.run(feeds), lambda: theirs.run(feeds)], repeat)
    slow = reference_seconds(path, feeds) if reference else None
    return {
        "input_shapes": {name: list(array.shape) for name, array in feeds.items()},
        "median_seconds": medians[0],
        "spread": spread(seconds[0]),
        "onnxruntime_median_seconds": medians[1],
        "onnxruntime_spread": spread(seconds[1]),
        "ratio": medians[0] / medians[1],
        "processor_time_ratio": processor[0] / processor[1],
        "first_run_cpu_seconds": first,
        "processor_seconds": processor[0],
        "onnx_reference_processor_seconds": slow,
        "times_as_fast_as_onnx_reference": None if slow is None else slow / processor[0],
        "max_error_of_scale": max(
            float(np.abs(result[name] - y).max() / np.abs(y).max()) for name, y in expected.items()
        ),
        "winograd_layers": list(winograd_layers(_optimised(path, shapes).nodes, repeat)),
    }


def _optimised(path: Path, shapes: Shapes) -> Graph:
    """The graph with all its weights; a runner keeps those alone that it reads."""
    graph = load_model(path, input_shapes=shapes).graph
    optimise(graph)
    return graph


def winograd_layers(nodes: Iterator[Node], repeat: int) -> Iterator[dict[str, object]]:
    """How much faster Winograd is for each kind of layer that it is picked for."""
    done = set()
    for node in nodes:
        algorithm = algorithm_of(node, SETTINGS)
        if algorithm is None or algorithm not in TRANSFORMS:
            continue
        shapes = tuple(node.input(slot).type.static_shape for slot in ("Input", "Filter"))
        if shapes in done:
            continue
        done.add(shapes)
        ways = (dataclasses.replace(SETTINGS, conv_algorithm="im2col"), SETTINGS)
        seconds = _by_turns([_layer(node, settings) for settings in ways], repeat)
        yield {
            "input": list(shapes[0]),
            "filters": shapes[1][0],
            "algorithm": algorithm,
            "im2col_seconds": seconds[0],
            "seconds": seconds[1],
            "speed_up": seconds[0] / seconds[1],
        }


def _layer(node: Node, settings: Settings) -> Callable[[], object]:
    """One convolution as the runtime runs it, on random planes whose channels lie in a row."""
    drawn = _channels_last_planes(node.input("Input"))
    drawn[...] = np.random.default_rng(0).standard_normal(drawn.shape)
    arrays = node.inputs.map(lambda value: value.array() if value.is_constant else drawn)
    compute, out = bind(node, settings), _channels_last_planes(node.output)
    return lambda: compute(arrays, out)


def _channels_last_planes(value: Value) -> np.ndarray:
    batch, channels, *size = value.type.static_shape
    return channels_first(np.empty((batch, *size, channels), np.float32))


def _by_turns(functions: Sequence[Callable[[], object]], repeat: int) -> list[float]:
    """The median processor time of each; other processes count for less in it."""
    seconds: list[list[float]] = [[] for _ in functions]
    with limited_threads(SETTINGS.threads):
        for number in range(repeat + 1):
            for function, times in zip(functions, seconds, strict=True):
                start = time.thread_time()
                function()
                if number > 0:
                    times.append(time.thread_time() - start)
    return [statistics.median(times) for times in seconds]


def reference_seconds(path: Path, feeds: Feeds) -> float:
    """The processor time of one run of onnx.reference; it has nothing to warm up."""
    from onnx.reference import ReferenceEvaluator  # large: the memory is measured without it

    evaluator = ReferenceEvaluator(str(path))
    with limited_threads(SETTINGS.threads):
        start = time.thread_time()
        evaluator.run(None, dict(feeds))
        return time.thread_time() - start


def memory(path: Path, runs: int = RUNS_IN_A_ROW) -> dict[str, object]:
    """This process's peak after one run and after many, beside what has to be in memory.

    The model is read once; all its shapes must be fixed.
    """
    runner = numpy_runner((path,), SETTINGS, {})
    (feeds,) = sample_inputs(input_specs(runner.graph), 1)
    runner.run(feeds)
    after_one = peak_rss_bytes()
    for _ in range(runs):
        runner.run(feeds)
    executor = runner.executor
    needed = executor.weight_bytes + executor.prepared_bytes + executor.plans.declared.size
    return {
        "weight_bytes": executor.weight_bytes,
        "transformed_weight_bytes": executor.prepared_bytes,
        "weight_bytes_let_go": executor.released_bytes,
        "planned_activation_bytes": executor.plans.declared.size,
        "peak_rss_bytes_after_one": after_one,
        "runs": runs,
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_by_needed": None if after_one is None else after_one / needed,
    }


def _in_a_process_of_its_own(path: Path) -> dict[str, object]:
    command = [sys.executable, __file__, "--memory-of", str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, object] = json.loads(result.stdout)
    return measured


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    blas = [
        {key: info[key] for key in ("internal_api", "version", "architecture") if key in info}
        for info in threadpool_info()
        if info["user_api"] == "blas"
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "blas": blas,
        **{name: version(name) for name in ("numpy", "onnx", "onnxruntime")},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the models that the command line names."""
    parser = argparse.ArgumentParser(description="Measure the NumPy runtime.")
    parser.add_argument("models", nargs="*", metavar="NAME=MODEL[:SHAPE]")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--reference", action="store_true", help="Time onnx.reference as well.")
    parser.add_argument("--memory", action="store_true", help="Measure the peak of the first one.")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=RUNS_IN_A_ROW, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="Where to write the JSON; else it is printed.")
    options = parser.parse_args(arguments)
    if options.memory_of is not None:
        print(json.dumps(memory(options.memory_of, options.runs)))
        return 0
    report: dict[str, Any] = {"machine": machine(), "threads": SETTINGS.threads}
    if options.memory:
        report["memory"] = _in_a_process_of_its_own(model_argument(options.models[0])[1])
    models: dict[str, dict[str, Any]] = {}
    for name, path, shape in map(model_argument, options.models):
        measured = measure(path, shape, options.repeat, reference=options.reference)
        models[name] = measured
        print(f"{name}: ratio {measured['ratio']:.2f}", file=sys.stderr)
    report["models"] = models
    gains = [row["speed_up"] for model in models.values() for row in model["winograd_layers"]]
    if gains:
        report["winograd_speed_up"] = {
            "geometric_mean": math.exp(statistics.fmean(map(math.log, gains))),
            "least": min(gains),
        }
    text = json.dumps(report, indent=2)
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
