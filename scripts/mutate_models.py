"""Convert thousands of damaged and altered models, and report every one that opt stumbles over.

    python scripts/mutate_models.py [--count 10000] [--seed 0] [--format onnx] [--keep DIR]

Each mutant is a real model with something changed that still makes a file of its format:
dimensions, types, attributes, edges, or a few bytes. It must end with exit code 0, 3, 4 or 5,
within 10 seconds and a gigabyte. What does not is written to the folder, with what was said.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hostile_models import seeds, trial
from hostile_models.mutants import Model, mutants
from opt_tool.cli.app import cli

ALLOWED = (0, 3, 4, 5)
FORMATS = ("onnx", "caffe", "tflite", "nb")


def main() -> int:
    """Try the mutants; the exit code says whether all ended as they should."""
    arguments = _arguments()
    for name in LATE:
        importlib.import_module(name)
    counts: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory(prefix="opt-mutants-") as name:
        folder = Path(name)
        for format in arguments.format or FORMATS:
            models = seeds_of(format)
            share = arguments.count // len(arguments.format or FORMATS)
            for _, mutant in mutants(models, arguments.seed, share):
                outcome = convert(mutant, folder)
                counts[f"{format}: {outcome.description}"] += 1
                if outcome.code not in ALLOWED:
                    faults += 1
                    _keep(arguments.keep, format, mutant, outcome)
                elif outcome.code == 0 and arguments.keep_converted is not None:
                    arguments.keep_converted.mkdir(parents=True, exist_ok=True)
                    kept = arguments.keep_converted / f"{format}-{mutant.name}.nb"
                    (folder / "out.nb").replace(kept)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print(f"{sum(counts.values())} mutants, {faults} faults")
    return 1 if faults else 0


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
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--keep", type=Path, help="a folder for the models that failed")
    parser.add_argument("--keep-converted", type=Path, help="a folder for what was converted")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
