"""Convert thousands of damaged and altered models, and report every one that opt stumbles over.

    python scripts/mutate_models.py [--count 10000] [--format onnx] [--first 0] [--keep DIR]

Each mutant is a real model with something changed that still makes a file of its format:
dimensions, types, attributes, edges, or a few bytes. It must end with exit code 0, 3, 4 or 5,
within 10 seconds and a gigabyte. What does not is written to the folder, with what was said, and
so is what opt itself takes for a wrong conversion, although it refuses that with exit code 4.
Where a mutant was a fault that is mended since, ``--first`` goes on from its number.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hostile_models import seeds, trial
from hostile_models.mutants import Model, mutants
from opt_tool.cli.app import cli

ALLOWED = (0, 3, 4, 5)
FORMATS = ("onnx", "caffe", "tflite", "nb")
DIFFERS = "This is a fault of opt"
"""What a conversion says that computes something else than its source; it ends with 4."""

SHOWN = 100
"""After so many mutants a line says how far it is."""


def main() -> int:
    """Try the mutants; the exit code says whether all ended as they should."""
    arguments = _arguments()
    for name in LATE:
        importlib.import_module(name)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="opt-mutants-") as name:
        formats = arguments.format or FORMATS
        share = arguments.count // len(formats)
        faults = sum(_try(format, share, arguments, counts, Path(name)) for format in formats)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print(f"{sum(counts.values())} mutants, {faults} faults")
    return 1 if faults else 0


def _try(
    format: str, count: int, arguments: argparse.Namespace, counts: Counter[str], folder: Path
) -> int:
    """Try the mutants of a format, and count how they end; the number of faults."""
    faults, start = 0, time.monotonic()
    numbers = range(arguments.first, arguments.first + count)
    for number, mutant in mutants(seeds_of(format), arguments.seed, numbers):
        outcome = convert(mutant, folder)
        counts[f"{format}: {outcome.description}"] += 1
        if outcome.code not in ALLOWED:
            faults += 1
            _keep(arguments.keep, format, mutant, outcome)
        elif DIFFERS in outcome.said:
            _keep(arguments.keep, format, mutant, outcome)
        elif outcome.code == 0 and arguments.keep_converted is not None:
            arguments.keep_converted.mkdir(parents=True, exist_ok=True)
            kept = arguments.keep_converted / f"{format}-{mutant.name}.nb"
            (folder / "out.nb").replace(kept)
        if (number + 1) % SHOWN == 0:
            seconds = time.monotonic() - start
            print(f"{format}: up to {number}, {faults} faults, {seconds:.0f} s", flush=True)
    return faults


def seeds_of(format: str) -> list[Model]:
    """The models of a format that mutants are made of."""
    made = {
        "onnx": seeds.onnx_seeds,
        "caffe": seeds.caffe_seeds,
        "tflite": seeds.tflite_seeds,
        "nb": seeds.nb_seeds,
    }
    return list(made[format]())


def convert(model: Model, folder: Path) -> trial.Outcome:
    """How ``opt convert`` ends on a model."""
    files = seeds.write(model, folder, "mutant")
    arguments = ["convert", *map(str, files), "-o", str(folder / "out.nb"), "--target", "x86", "-q"]
    return trial.attempt(lambda: _exit_code(arguments))


def _exit_code(arguments: Sequence[str]) -> int:
    try:
        cli(list(arguments), prog_name="opt")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


LATE = (
    "ai_edge_litert.interpreter",
    "cv2",
    "onnxruntime",
    "opt_tool.api.caffe_runner",
    "opt_tool.api.conversion",
    "opt_tool.api.litert_runner",
    "opt_tool.api.onnx_runner",
)
"""What conversions import late, so that it is there in every fork."""


def _keep(folder: Path | None, format: str, mutant: Model, outcome: trial.Outcome) -> None:
    print(f"{format} {mutant.name}: {outcome.description}: {outcome.summary}", flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        seeds.write(mutant, folder, f"{format}-{mutant.name}")
        (folder / f"{format}-{mutant.name}.txt").write_text(outcome.said, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many mutants in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first mutant")
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--keep", type=Path, help="a folder for the models that failed")
    parser.add_argument("--keep-converted", type=Path, help="a folder for what was converted")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
