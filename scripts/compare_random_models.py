"""Convert random small models, and compare what the files compute with the models' own runtimes.

    python scripts/compare_random_models.py [--format onnx] [--target x86] [--seconds 60]

Each model is drawn by its number: operators with any attributes, one after the other, as long as
the reference computes something of use. It is converted, run in opt's own runtime and, for x86, in
the official one, and compared with onnxruntime, LiteRT, real Caffe or OpenCV by the bound of
verification. What differs is kept with its inputs, and so is the smallest part of it that still
does. ``--first N --count 1`` with the same seed and options draws the model of a number again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from opt_tool.api import official_runtime
from random_models.caffe_source import CaffeSource
from random_models.comparing import DIFFERS, RUNTIMES, Settings, Verdict, compare
from random_models.growth import random_model
from random_models.model import RandomModel
from random_models.onnx_source import OnnxSource
from random_models.shrinking import smallest
from random_models.source import Source
from random_models.tally import Tally, keep, told
from random_models.tflite_source import TfliteSource

SOURCES: Mapping[str, Source] = {
    source.name: source for source in (OnnxSource(), TfliteSource(), CaffeSource())
}
BATCH = 16
"""So many models are compared at once: runtimes and references start once for all of them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare for a while; the exit code says whether all agreed."""
    options = _options(arguments)
    faults = 0
    for format, target in itertools.product(options.format or SOURCES, options.target or ["x86"]):
        tally = compare_format(SOURCES[format], _settings(options, target), options)
        faults += tally.kinds[DIFFERS]
        print("\n".join(tally.lines()), flush=True)
    return 1 if faults else 0


def _settings(options: argparse.Namespace, target: str) -> Settings:
    """What the command line asks for; a runtime that is missing is told."""
    missing = official_runtime.available(options.lite_version) if target == "x86" else None
    runtime = RUNTIMES.get(target)
    if runtime is None or missing is not None:
        fact = missing or f"nothing here runs files for {target}"
        print(f"{fact}: files are run in opt's own runtime only", flush=True)
        runtime = None
    quantization = None if options.quantize == "none" else options.quantize
    return Settings(target, options.lite_version, quantization, options.verify, runtime)


def compare_format(source: Source, settings: Settings, options: argparse.Namespace) -> Tally:
    """Compare models of a format as long as there is time."""
    tally = Tally(f"{source.name} {settings}")
    end = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory(prefix="opt-random-") as name:
        folder = Path(name)
        for batch in _batches(source, options, folder, end):
            verdicts = compare(source, [model for _, model in batch], settings, folder)
            for (number, model), verdict in zip(batch, verdicts, strict=True):
                tally.add(model, verdict)
                if verdict.kind == DIFFERS:
                    _note(source, settings, options, folder, number, model, verdict)
    return tally


def _batches(
    source: Source, options: argparse.Namespace, folder: Path, end: float
) -> Iterator[list[tuple[int, RandomModel]]]:
    """Models by their numbers, until the time is over or there are enough."""
    last = sys.maxsize if options.count is None else options.first + options.count
    batch = []
    for number in range(options.first, last):
        if time.monotonic() > end:
            break
        model = random_model(source, options.seed, number, folder, open_sizes=options.open_sizes)
        if model is not None:
            batch.append((number, model))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _note(
    source: Source,
    settings: Settings,
    options: argparse.Namespace,
    folder: Path,
    number: int,
    model: RandomModel,
    verdict: Verdict,
) -> None:
    """Tell of a model that differs, and keep it with the smallest part that does."""
    part, its = smallest(source, model, settings, folder, verdict)
    print(told(source.name, number, part, its), flush=True)
    name = "-".join([source.name, *str(settings).split(), str(options.seed), str(number)])
    words = (
        f"--format {source.name} --target {settings.target} --lite-version {settings.version} "
        f"--quantize {options.quantize} --seed {options.seed} --first {number} --count 1"
    )
    words += " --open-sizes" * options.open_sizes + " --verify" * options.verify
    command = f"scripts/compare_random_models.py {words}"
    cases = {name: (model, verdict), f"{name}/smallest": (part, its)}
    keep(options.keep, source, cases, command)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--format", action="append", choices=SOURCES, help="default: all")
    parser.add_argument("--target", action="append", choices=("arm", "x86"), help="default: x86")
    parser.add_argument("--lite-version", default=official_runtime.DEFAULT_VERSION)
    parser.add_argument("--quantize", choices=("none", "int8", "int16", "mixed"), default="none")
    parser.add_argument("--verify", action="store_true", help="convert as users do by default")
    parser.add_argument("--open-sizes", action="store_true", help="of inputs; ONNX only")
    parser.add_argument("--seconds", type=float, default=60, help="for each format and target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first model")
    parser.add_argument("--count", type=int, help="how many numbers; default: as many as fit")
    parser.add_argument("--keep", type=Path, default=Path("random-models"), help="for what differs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
