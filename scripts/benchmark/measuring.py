"""What a command costs: seconds, processor seconds and the peak of its memory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parent / "workers" / "launch.py"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
TIMEOUT_SECONDS = 300
RUNS = 2
REASON_LENGTH = 160
FAILURE = re.compile("error|exception|not support|fail", re.IGNORECASE)
FOLDERS = re.compile(r"(?<![\w.])/[^\s'\":]*/")
"""The machine's folders in a message; they tell nobody anything."""


@dataclass(frozen=True)
class Usage:
    """What one command took, or several together.

    ``words`` are the last lines that it printed.
    """

    code: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    words: tuple[str, ...] = ()

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.code or other.code,
            self.wall_seconds + other.wall_seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_bytes, other.peak_bytes),
            other.words,
        )


def measure(command: Sequence[str], folder: Path, timeout: float = TIMEOUT_SECONDS) -> Usage:
    """Run a command in a folder, on one thread, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="opt-benchmark-") as place:
        result, log = Path(place) / "result.json", Path(place) / "log.txt"
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(result), str(timeout)]
        with log.open("wb") as output:
            subprocess.run(
                [*launcher, *command],
                cwd=folder,
                env=environment_of(command[0]),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=True,
            )
        measured = json.loads(result.read_text(encoding="utf-8"))
        words = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return Usage(**measured, words=tuple(line.strip() for line in words if line.strip())[-8:])


def least(command: Sequence[str], folder: Path) -> Usage:
    """What a command takes when little disturbs it: the less of RUNS runs, if it succeeds."""
    usages = [measure(command, folder)]
    while usages[-1].code == 0 and len(usages) < RUNS:
        usages.append(measure(command, folder))
    return min(usages, key=lambda usage: (usage.code != 0, usage.cpu_seconds))


def environment_of(program: str) -> Mapping[str, str]:
    """One thread, and first on the path what stands beside the program."""
    path = os.pathsep.join((str(Path(program).parent), os.environ.get("PATH", os.defpath)))
    return {**os.environ, **ONE_THREAD, "PATH": path}


def reason(usage: Usage) -> str:
    """Why a command failed, in its own words as far as it said any; without paths."""
    ending = (
        f"ended by {signal.Signals(-usage.code).name}"
        if usage.code < 0
        else f"exit code {usage.code}"
    )
    said = [line for line in usage.words if FAILURE.search(line)]
    words = (said or list(usage.words) or [""])[-1]
    words = FOLDERS.sub("", words)
    words = re.sub(r"\s+", " ", words)
    if len(words) > REASON_LENGTH:
        words = words[:REASON_LENGTH].rsplit(" ", 1)[0] + " ..."
    return f"{words} ({ending})" if words else ending
