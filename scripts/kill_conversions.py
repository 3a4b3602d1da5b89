"""Kill conversions at random moments and look at what they leave.

    python scripts/kill_conversions.py [--count 500] [--seed 0] [--model MODEL]

Each conversion runs in a child that gets SIGKILL after a random part of the time that a whole
one takes. The output must then be the old file or the whole new one, and never anything else;
the part file that a killed conversion may leave has another name.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fetch_models import CACHE
from opt_tool.api import conversion, onnx_runner  # noqa: F401  # loaded before the forks

MODEL = CACHE / "mtcnn_pnet" / "pnet.onnx"
OLD = b"what stood there before"


def main() -> int:
    """Kill them; the exit code says whether none left a partial output."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="opt-kill-") as name:
        counts = kill(arguments.model, Path(name), arguments.count, arguments.seed)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    return 1 if counts["partial output"] else 0


def kill(model: Path, folder: Path, count: int, seed: int) -> Counter[str]:
    """How often a killed conversion left what."""
    output = folder / "out.nb"

    def convert() -> None:
        conversion.convert(model, output, target="x86")

    start = time.monotonic()
    _in_child(convert, None)
    seconds = time.monotonic() - start
    whole = output.read_bytes()
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    for _ in range(count):
        output.write_bytes(OLD)
        _in_child(convert, rng.uniform(0, 1.1 * seconds))
        found = output.read_bytes() if output.exists() else b""
        counts[{OLD: "old file", whole: "whole new file"}.get(found, "partial output")] += 1
        for part in folder.glob(".*.part*"):
            counts["part files beside it"] += 1
            part.unlink()
    return counts


def _in_child(action: Callable[[], None], seconds: float | None) -> None:
    """Run in a fork; kill it after some seconds where a number is given."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=MODEL)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
