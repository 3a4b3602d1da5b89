"""Run converted mutants in the official runtime for x86, and report every one that it does not run.

    python scripts/run_converted.py FOLDER... [--count 50] [--seed 0]

A folder is one that ``mutate_models.py --keep-converted`` filled. So many of its files, chosen by
the seed, are run on inputs like those that opt verifies with.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np

from opt_tool.api import official_runtime
from opt_tool.api.sample_inputs import input_specs, sample_inputs
from opt_tool.formats import paddle_lite


def main() -> int:
    """Run the files; the exit code says whether the runtime ran all of them."""
    arguments = _arguments()
    faults = total = 0
    for folder in arguments.folder:
        files = chosen(folder, arguments.count, arguments.seed)
        results = official_runtime.run_each([(file, inputs_of(file)) for file in files])
        failed = [result for result in results if not isinstance(result, list)]
        print(f"{folder.name}: {len(files)} files, {len(failed)} not run", flush=True)
        for failure in failed:
            print(failure)
        faults, total = faults + len(failed), total + len(files)
    print(f"{total} files, {faults} faults")
    return 1 if faults else 0


def chosen(folder: Path, count: int, seed: int) -> list[Path]:
    """Some of a folder's files, the same ones for the same seed."""
    files = sorted(folder.glob("*.nb"))
    return random.Random(seed).sample(files, min(count, len(files)))


def inputs_of(file: Path) -> dict[str, np.ndarray]:
    """A sample of what a file's graph takes."""
    (inputs,) = sample_inputs(input_specs(paddle_lite.read(file)), 1)
    return inputs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=50, help="how many files of each folder")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
