"""Measure what each method of quantization costs, and write the table in docs/quantization.md.

    python scripts/measure_quantization.py --photographs mobilenet_v1_imagenet1001.onnx \
        --fashion DIR --pictures MODEL... [--methods parity,best] [--bits 16,8,4]

``--photographs`` is an ONNX classifier that takes square pictures, channels last, with values
from -1 to 1; it sees crops and mirror images of the photographs in scikit-image and
scikit-learn, which must be installed. ``--fashion`` is a folder with the test set of
Fashion-MNIST (t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz; Debian's package
dataset-fashion-mnist); the network for it is in tests/data. If the training set lies there
too, its first 10,000 pictures are measured below 8 bits: no rule was chosen on them. Any
models can be given as ``--pictures``: their drift is measured on the pictures that files
are verified with.
"""

from __future__ import annotations

import argparse
import gzip
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import opt_tool
import photographs
from opt_tool.api.difference import Difference
from opt_tool.api.loading import load
from opt_tool.api.lowering import lower
from opt_tool.api.quantization import QuantizationOptions, Quantizer
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.passes.name_parameters import short_parameter_names
from opt_tool.passes.plan_memory import plan_variable_names
from opt_tool.passes.quantization.method import METHODS
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

ROOT = Path(__file__).resolve().parent.parent
FASHION_MODEL = ROOT / "tests" / "data" / "fmnist_mbv2s.onnx"
PICTURES = 10_000
VERSION = LiteVersion.V2_13
HEADER = (
    "| model | bits | method | file, of float | SQNR of the scores | same class as float "
    "| accuracy | seconds |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, eq=False)
class Task:
    """A classifier, batches of inputs for it, and the classes where they are known."""

    name: str
    model: Path
    shape: tuple[int, ...]
    inputs: np.ndarray
    labels: np.ndarray | None

    def scores(self, graph: Graph) -> np.ndarray:
        executor, name = Executor(graph), graph.inputs[0].name
        batch = self.shape[0]
        found = [
            next(iter(executor.run({name: self.inputs[start : start + batch]}).values()))
            for start in range(0, len(self.inputs), batch)
        ]
        return np.concatenate([scores.reshape(batch, -1) for scores in found])

    def graph(self, options: QuantizationOptions | None) -> tuple[Graph, float]:
        """The graph as it is written, and the seconds that quantizing it took."""
        name = load(self.model).inputs[0].name
        graph = load(self.model, input_shapes={name: self.shape})
        quantizer = None if options is None else Quantizer(graph, VERSION, options)
        lower(graph, "x86", str(VERSION))
        began = time.process_time()
        if quantizer is not None:
            quantizer.run()
        return graph, time.process_time() - began


def fashion_task(folder: Path, part: str = "t10k") -> Task:
    """Fashion-MNIST's 10,000 test pictures, or as many of its training pictures."""
    images = _idx(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:PICTURES]
    labels = _idx(folder / f"{part}-labels-idx1-ubyte.gz", 8)[:PICTURES]
    scaled = (images.astype(np.float32) / 255 - 0.286) / 0.353
    name = FASHION_MODEL.stem + ("" if part == "t10k" else f" ({part})")
    return Task(name, FASHION_MODEL, (100, 1, 28, 28), scaled, labels)


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def photograph_task(model: Path, size: int = 224) -> Task:
    """Crops of photographs, of which only the float network's answer is known."""
    return Task(model.stem, model, (1, size, size, 3), photographs.crops(size) * 2 - 1, None)


def rows(task: Task, methods: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """The lines of the table for one classifier."""
    graph, _ = task.graph(None)
    exact, size = task.scores(graph), file_bytes(graph)
    yield _row(task, "32", "", 1.0, exact, exact, 0.0)
    for bits in widths:
        for method in methods:
            mode = "int8" if bits <= 8 else "int16"
            options = QuantizationOptions(mode=mode, bits=bits, method=method)
            graph, seconds = task.graph(options)
            share = file_bytes(graph) / size
            yield _row(task, str(bits), method, share, exact, task.scores(graph), seconds)


def drift_rows(model: Path, methods: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """The lines of the table for a model of which only the drift is measured."""
    with tempfile.TemporaryDirectory() as folder:
        nb = Path(folder) / "model.nb"
        size = opt_tool.convert(model, nb, verify=False).output.bytes
        for bits in widths:
            for method in methods:
                mode = "int8" if bits <= 8 else "int16"
                options = QuantizationOptions(mode=mode, bits=bits, method=method, min_sqnr_db=0)
                report = opt_tool.quantize(model, nb, options=options)
                share = report.output.bytes / size
                sqnr = least_sqnr(report.verification.outputs)
                yield f"| {model.stem} | {bits} | {method} | {share:.3f} | {sqnr:.1f} dB | | | |"


def least_sqnr(outputs: Sequence[Difference]) -> float:
    """The worst signal to noise of scores, before their activations where those are known."""
    inner = [output for output in outputs if output.before is not None]
    judged = inner if inner else outputs
    return min(output.sqnr_db for output in judged if output.sqnr_db is not None)


def file_bytes(graph: Graph) -> int:
    """The size of the .nb file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.nb"
        names = plan_variable_names(graph) | short_parameter_names(graph)
        paddle_lite.write(graph, path, version=VERSION, names=names)
        return path.stat().st_size


def _row(
    task: Task,
    bits: str,
    method: str,
    share: float,
    exact: np.ndarray,
    found: np.ndarray,
    seconds: float,
) -> str:
    noise = float(np.square(found - exact).sum())
    sqnr = f"{10 * math.log10(float(np.square(exact).sum()) / noise):.1f} dB" if noise else ""
    same = float((found.argmax(1) == exact.argmax(1)).mean())
    right = None if task.labels is None else float((found.argmax(1) == task.labels).mean())
    accuracy = "" if right is None else f"{right:.2%}"
    return (
        f"| {task.name} | {bits} | {method} | {share:.3f} | {sqnr} | {same:.2%} "
        f"| {accuracy} | {seconds:.1f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, metavar="MODEL")
    parser.add_argument("--fashion", type=Path, metavar="DIR")
    parser.add_argument("--pictures", type=Path, metavar="MODEL", nargs="*", default=[])
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--bits", default="16,8,4")
    options = parser.parse_args()
    methods, widths = options.methods.split(","), [int(bits) for bits in options.bits.split(",")]
    print(HEADER, flush=True)
    if options.fashion is not None:
        for row in rows(fashion_task(options.fashion), methods, widths):
            print(row, flush=True)
        if (options.fashion / "train-images-idx3-ubyte.gz").is_file():
            few = [bits for bits in widths if bits < 8]
            for row in rows(fashion_task(options.fashion, "train"), methods, few):
                print(row, flush=True)
    if options.photographs is not None:
        for row in rows(photograph_task(options.photographs), methods, widths):
            print(row, flush=True)
    for model in options.pictures:
        for row in drift_rows(model, methods, widths):
            print(row, flush=True)


if __name__ == "__main__":
    main()
