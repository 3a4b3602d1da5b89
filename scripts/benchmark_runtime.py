"""Measure the NumPy runtime beside onnxruntime and write what was measured as JSON.

    python scripts/benchmark_runtime.py [--growth] [--repeat N] [--out FILE] NAME=MODEL[:SHAPE]...

For each model: the interleaved ratios of wall time and of processor time, one thread each, and
the outputs' difference from onnxruntime's; then
Winograd against im2col, layer by layer, for all layers that the cost model picks it for;
then whether many runs in a row take more and more memory, with the process's own peak.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any  # JSON

import numpy as np

from opt_tool.api.benchmark import interleaved, spread
from opt_tool.api.loading import load_model
from opt_tool.api.memory import peak_rss_bytes
from opt_tool.api.runners import BACKENDS, Feeds, Shapes, numpy_runner
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.ir import Node
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.kernels import convolution, winograd
from opt_tool.runtime import Settings
from opt_tool.runtime.convolution_plan import TRANSFORMS, algorithm_of
from opt_tool.runtime.threads import limited_threads

SETTINGS = Settings(threads=1)
RUNS_IN_A_ROW = 200


def model_argument(text: str) -> tuple[str, Path, tuple[int, ...] | None]:
    """``NAME=MODEL`` or ``NAME=MODEL:1,3,640,640``."""
    name, _, rest = text.partition("=")
    path, _, shape = rest.partition(":")
    return name, Path(path), tuple(map(int, shape.split(","))) if shape else None


def _feeds(path: Path, shape: tuple[int, ...] | None) -> tuple[Feeds, Shapes]:
    """Inputs for a model, the first one in a shape that is given, and their shapes."""
    first = load_model(path).graph.inputs[0].name
    given = {} if shape is None else {first: shape}
    (feeds,) = sample_inputs(input_specs(load_model(path, input_shapes=given).graph), 1)
    return feeds, {name: array.shape for name, array in feeds.items()}


def measure(path: Path, shape: tuple[int, ...] | None, repeat: int) -> dict[str, Any]:
    """Times and differences of one model in both runtimes."""
    feeds, shapes = _feeds(path, shape)
    start = time.process_time()
    ours = numpy_runner((path,), SETTINGS, shapes)
    result = ours.run(feeds)
    first = time.process_time() - start
    theirs = BACKENDS["onnxruntime"]((path,), SETTINGS, shapes)
    expected = theirs.run(feeds)
    seconds = interleaved([ours, theirs], feeds, repeat)
    medians = [statistics.median(times) for times in seconds]
    processor = _by_turns([lambda: ours.run(feeds), lambda: theirs.run(feeds)], repeat)
    return {
        "input_shapes": {name: list(array.shape) for name, array in feeds.items()},
        "median_seconds": medians[0],
        "spread": spread(seconds[0]),
        "onnxruntime_median_seconds": medians[1],
        "onnxruntime_spread": spread(seconds[1]),
        "ratio": medians[0] / medians[1],
        "processor_time_ratio": processor[0] / processor[1],
        "first_run_cpu_seconds": first,
        "planned_activation_bytes": ours.executor.plan.size,
        "max_error_of_scale": max(
            float(np.abs(result[name] - y).max() / np.abs(y).max()) for name, y in expected.items()
        ),
        "winograd_layers": list(winograd_layers(ours.graph.nodes, repeat)),
    }


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
        assert isinstance(node.op, Conv2D)
        x = np.random.default_rng(0).standard_normal(shapes[0]).astype(np.float32)
        seconds = _by_turns(
            (_im2col(node.op, x, node), _winograd(node.op, x, node, algorithm)), repeat
        )
        yield {
            "input": list(shapes[0]),
            "filters": shapes[1][0],
            "algorithm": algorithm,
            "im2col_seconds": seconds[0],
            "seconds": seconds[1],
            "speed_up": seconds[0] / seconds[1],
        }


def _im2col(op: Conv2D, x: np.ndarray, node: Node) -> Callable[[], object]:
    weight = node.input("Filter").array()
    return lambda: convolution.conv2d(x, weight, paddings=op.paddings, groups=op.groups)


def _winograd(op: Conv2D, x: np.ndarray, node: Node, algorithm: str) -> Callable[[], object]:
    transform = TRANSFORMS[algorithm]
    weight = winograd.transform_weights(node.input("Filter").array(), transform, groups=op.groups)
    return lambda: winograd.conv2d(x, weight, transform=transform, paddings=op.paddings)


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


def growth(path: Path, shape: tuple[int, ...] | None) -> dict[str, object]:
    """The process's peak before and after many runs in a row."""
    feeds, shapes = _feeds(path, shape)
    runner = numpy_runner((path,), SETTINGS, shapes)
    runner.run(feeds)
    before = peak_rss_bytes()
    for _ in range(RUNS_IN_A_ROW):
        runner.run(feeds)
    return {
        "runs": RUNS_IN_A_ROW,
        "peak_rss_bytes_after_one": before,
        "peak_rss_bytes": peak_rss_bytes(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the models that the command line names."""
    parser = argparse.ArgumentParser(description="Measure the NumPy runtime.")
    parser.add_argument("models", nargs="+", type=model_argument, metavar="NAME=MODEL[:SHAPE]")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--growth", action="store_true", help="Run the first model many times.")
    parser.add_argument("--out", type=Path, help="Where to write the JSON; else it is printed.")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {"numpy": np.__version__}
    if options.growth:
        _, path, shape = options.models[0]
        report["growth"] = growth(path, shape)
    models: dict[str, dict[str, Any]] = {}
    for name, path, shape in options.models:
        models[name] = measured = measure(path, shape, options.repeat)
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
