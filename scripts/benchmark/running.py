"""Runs converted models, each in its own runtime, and compares what they compute."""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from benchmark.environments import ENVIRONMENTS
from benchmark.measuring import FOLDERS, REASON_LENGTH, environment_of
from benchmark.models import Arrays
from benchmark.tools import RUNTIME_ENVIRONMENTS, WORKERS
from opt_tool.api.difference import Comparison

START_SECONDS = 120
ROUNDS = 7
BLOCK_SECONDS = 0.15
"""About how long each runs before it is the other's turn."""

MAX_RUNS = 30

DETECTION = 7
"""Numbers in a row of detections: picture, label, score and box; the first may be missing."""

SURE = 0.5
"""The part of the highest score that a detection needs to be compared."""


class RunError(Exception):
    """A converted model could not be run."""


class Served:
    """A converted model in a process of its own runtime."""

    def __init__(
        self,
        runtime: str,
        files: Sequence[Path],
        inputs: Sequence[Arrays],
        outputs: Sequence[str],
        place: Path,
    ) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / "names.json").write_text(json.dumps(list(outputs)), encoding="utf-8")
        named = {
            f"{number}/{position}/{name}": array
            for number, sample in enumerate(inputs)
            for position, (name, array) in enumerate(sample.items())
        }
        np.savez(place / "inputs.npz", **named)  # type: ignore[arg-type]  # its stub reserves a keyword
        python = ENVIRONMENTS[RUNTIME_ENVIRONMENTS[runtime]].python
        self._log = place / "log.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-I", str(WORKERS / "serve.py"), runtime, str(place), *map(str, files)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=place,  # where a core file of an abort goes
                env=environment_of(python),
            )
        count = int(self._answer(START_SECONDS)) // len(inputs)
        with np.load(place / "outputs.npz") as arrays:
            self.outputs = [
                [arrays[f"{number}/{i}"] for i in range(count)] for number in range(len(inputs))
            ]
        self.peak_bytes = 0

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def seconds(self, runs: int) -> list[float]:
        """The seconds of as many runs."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer(START_SECONDS))
        self.peak_bytes = answer["peak_bytes"]
        return list(answer["seconds"])

    def _answer(self, timeout: float) -> str:
        stream = self._process.stdout
        assert stream is not None
        end = time.monotonic() + timeout
        ready = select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]
        line = stream.readline() if ready else ""
        if line:
            return line
        self._process.kill()
        self._process.wait()
        raise RunError(self._why())

    def _why(self) -> str:
        words = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [word.strip() for word in words if word.strip()]
        return FOLDERS.sub("", said[-1])[:REASON_LENGTH] if said else "it ended without a word"


def compare(
    expected: Sequence[Sequence[np.ndarray]], found: Sequence[Sequence[np.ndarray]]
) -> dict[str, object]:
    """How far outputs are from the reference's; the worst output counts.

    An output that only lost or gained dimensions of one element is the same output.
    """
    if len(expected[0]) != len(found[0]):
        return {"problem": f"{len(found[0])} outputs, not {len(expected[0])}"}
    matched = _matched(expected[0], found[0])
    worst = 0.0
    sqnr: list[float] = []
    for position, other in enumerate(matched):
        comparison = Comparison(str(position))
        for reference, result in zip(expected, found, strict=True):
            comparison.add(*_alike(reference[position], result[other]))
        difference = comparison.result()
        if comparison.scale == 0 and difference.problem is None:
            continue  # nothing was detected on either side
        if difference.problem is not None or difference.max_rel_error is None:
            return {"problem": difference.problem or "the reference is zero everywhere"}
        worst = max(worst, difference.max_rel_error)
        if difference.sqnr_db is not None:
            sqnr.append(difference.sqnr_db)
    return {"max_error_of_scale": worst, "sqnr_db": min(sqnr, default=None)}


def _alike(wanted: np.ndarray, computed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two in one form: detections by score, the rest in the reference's shape."""
    if wanted.shape[-1] == DETECTION and computed.shape[-1] in (DETECTION, DETECTION - 1):
        return _detections(wanted), _detections(computed)
    if computed.size == wanted.size:
        computed = computed.reshape(wanted.shape)
    return wanted, computed


def _detections(array: np.ndarray) -> np.ndarray:
    """Label, score and box of the surest detections, whose number differs between runtimes."""
    rows = array.reshape(-1, array.shape[-1])[:, 1 - DETECTION :]
    rows = rows[rows[:, 1] > 0]  # some runtimes fill up with zeros
    surest = rows[np.argsort(-rows[:, 1], kind="stable")]
    return surest[surest[:, 1] >= SURE * surest[0, 1]] if len(surest) else surest


def _matched(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> list[int]:
    """For each output the one that is it: the same position, else the only one of its size."""
    sizes = [array.size for array in found]
    if [array.size for array in expected] == sizes or len(set(sizes)) < len(sizes):
        return list(range(len(sizes)))
    return [
        sizes.index(array.size) if array.size in sizes else position
        for position, array in enumerate(expected)
    ]


def latencies(served: Mapping[str, Served]) -> dict[str, dict[str, object]]:
    """The median processor seconds of a run of each, all of them in turns, with the spread.

    The spread is the distance of the quartiles, of the median.
    """
    runs = {name: _runs(server.seconds(2)[-1]) for name, server in served.items()}
    seconds: dict[str, list[float]] = {name: [] for name in served}
    for number in range(ROUNDS):
        names = list(served)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            seconds[name] += served[name].seconds(runs[name])
    return {name: _summary(times, served[name].peak_bytes) for name, times in seconds.items()}


def _runs(seconds: float) -> int:
    return max(1, min(MAX_RUNS, round(BLOCK_SECONDS / max(seconds, 1e-6))))


def _summary(seconds: Sequence[float], peak_bytes: int) -> dict[str, object]:
    low, middle, high = statistics.quantiles(seconds, n=4)
    return {
        "median_seconds": middle,
        "least_seconds": min(seconds),
        "spread": (high - low) / middle,
        "runs": len(seconds),
        "peak_bytes": peak_bytes,
    }


def processor_name() -> str:
    """What the kernel calls the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def load_average() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]
