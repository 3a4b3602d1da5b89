"""Drive the official Paddle Lite runtime, which lives in a Python environment of its own.

Its wheels end at Python 3.10 and need NumPy 1, and a failed check inside it aborts the process. So
every batch of inputs is one subprocess of ``official_worker``, and an abort is an error here.
``scripts/install_official_runtime.py`` makes the environments.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from opt_tool.api.leftovers import temporary_folder
from opt_tool.errors import OptError, UsageError

Array: TypeAlias = NDArray[Any]
InputSet: TypeAlias = Mapping[str, Array] | Sequence[Array]

DEFAULT_VERSION = "2.13"
ENVIRONMENTS = Path(__file__).resolve().parent.parent.parent / ".cache"
WORKER = Path(__file__).with_name("official_worker.py")
TIMEOUT_SECONDS = 300.0
LAST_LINES = 6


class OfficialRuntimeError(OptError):
    """The official runtime did not run a file to its end."""

    exit_code = 5  # most often a file that it cannot read


class OfficialRuntimeMissingError(UsageError):
    """There is no environment with the official runtime."""


def interpreter(version: str = DEFAULT_VERSION) -> Path:
    """The Python of the environment that the install script makes for a version."""
    return ENVIRONMENTS / f"official-{version}" / "bin" / "python"


def available(version: str = DEFAULT_VERSION) -> str | None:
    """Why the runtime cannot be used; None where it can."""
    path = interpreter(version)
    if path.is_file():
        return None
    return (
        f"the official runtime {version} is not installed ({path} is missing); "
        f"run scripts/install_official_runtime.py --version {version}"
    )


def run(
    nb: Path,
    inputs: Sequence[InputSet],
    version: str = DEFAULT_VERSION,
    *,
    python: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> list[list[Array]]:
    """The outputs for each input set, in the file's order.

    Args:
        nb: A file made for target x86; the official wheels run nothing else.
        inputs: For each set the arrays by input name, or in the file's order. The runtime takes
            them with the dtype that they have.
        version: The environment that the install script made.
        python: The interpreter of another environment, instead of ``version``.
        timeout: Seconds for all the sets.

    Raises:
        OfficialRuntimeError: It refused the file or the inputs, aborted or took too long.
        OfficialRuntimeMissingError: The environment is not there.
    """
    outputs, _ = _work(nb, inputs, 0, _chosen(version, python), timeout, {})
    return outputs


def run_each(
    jobs: Sequence[tuple[Path, InputSet]],
    version: str = DEFAULT_VERSION,
    *,
    timeout: float = TIMEOUT_SECONDS,
) -> list[list[Array] | OfficialRuntimeError]:
    """The outputs of two or more files for one input set each, from one process.

    That is much faster than one process for each, because the runtime is loaded once.

    Args:
        jobs: Files made for target x86, each with its inputs as in ``run``.
        version: The environment that the install script made.
        timeout: Seconds for each file.

    Returns:
        For each file its outputs, or the error that running it alone would raise.

    Raises:
        OfficialRuntimeError: The worker itself failed.
        OfficialRuntimeMissingError: The environment is not there.
    """
    assert len(jobs) > 1, "one file is a job for run()"
    python = _chosen(version, None)
    with temporary_folder() as folder:
        places = [folder / str(number) for number in range(len(jobs))]
        for place, (nb, inputs) in zip(places, jobs, strict=True):
            place.mkdir()
            _write_job(place, nb, [inputs], 0, timeout)
        result = _start(python, places, None, {})
        if result.returncode != 0:
            raise OfficialRuntimeError(_failure(jobs[0][0], places[0], result))
        return [_outcome(place, nb) for place, (nb, _) in zip(places, jobs, strict=True)]


def _outcome(job: Path, nb: Path) -> list[Array] | OfficialRuntimeError:
    """What a job of several gave."""
    code = int((job / "status.txt").read_text(encoding="utf-8"))
    if code == 0:
        return _read_outputs(job, 1)[0][0]
    said = (job / "stderr.txt").read_text(encoding="utf-8", errors="replace")
    result = subprocess.CompletedProcess([], code, "", said)
    return OfficialRuntimeError(_failure(nb, job, result))


def time(
    nb: Path,
    inputs: InputSet,
    repeats: int,
    version: str = DEFAULT_VERSION,
    *,
    threads: int = 1,
    python: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> list[float]:
    """The seconds of each of ``repeats`` runs after one that is not counted."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    _, seconds = _work(nb, [inputs], repeats, _chosen(version, python), timeout, limits)
    return seconds


def _chosen(version: str, python: Path | None) -> Path:
    if python is not None:
        if not python.is_file():
            raise OfficialRuntimeMissingError(f"{python}: there is no such Python interpreter")
        return python
    reason = available(version)
    if reason is not None:
        raise OfficialRuntimeMissingError(reason)
    return interpreter(version)


def _work(
    nb: Path,
    inputs: Sequence[InputSet],
    repeats: int,
    python: Path,
    timeout: float,
    variables: Mapping[str, str],
) -> tuple[list[list[Array]], list[float]]:
    with temporary_folder() as job:
        _write_job(job, nb, inputs, repeats, timeout)
        try:
            result = _start(python, [job], timeout, variables)
        except subprocess.TimeoutExpired as error:
            raise OfficialRuntimeError(
                f"{nb}: the official runtime was still {_progress(job)} after {timeout:g} s"
            ) from error
        if result.returncode != 0:
            raise OfficialRuntimeError(_failure(nb, job, result))
        return _read_outputs(job, len(inputs))


def _start(
    python: Path, jobs: Sequence[Path], timeout: float | None, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Let the worker do its jobs."""
    return subprocess.run(
        [str(python.absolute()), "-I", str(WORKER), *map(str, jobs)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        cwd=jobs[0],  # where a core file of an abort goes
        env={**os.environ, **variables},
    )


def _write_job(
    job: Path, nb: Path, inputs: Sequence[InputSet], repeats: int, timeout: float
) -> None:
    arrays = [
        list(input_set.values()) if isinstance(input_set, Mapping) else list(input_set)
        for input_set in inputs
    ]
    request = {
        "model": str(nb.resolve()),
        "counts": [len(input_set) for input_set in arrays],
        "names": [list(names) if isinstance(names, Mapping) else None for names in inputs],
        "repeats": repeats,
        "seconds": max(1, round(timeout)),
    }
    (job / "job.json").write_text(json.dumps(request), encoding="utf-8")
    named = {
        f"{number}/{position}": np.asarray(array, order="C")
        for number, input_set in enumerate(arrays)
        for position, array in enumerate(input_set)
    }
    np.savez(job / "inputs.npz", **named)  # type: ignore[arg-type]  # its stub reserves a keyword


def _read_outputs(job: Path, count: int) -> tuple[list[list[Array]], list[float]]:
    outputs: list[list[Array]] = [[] for _ in range(count)]
    with np.load(job / "outputs.npz", allow_pickle=False) as results:
        for name in results.files:  # in the order in which the worker wrote them
            if name != "seconds":
                outputs[int(name.split("/")[0])].append(results[name])
        return outputs, [float(value) for value in results["seconds"]]


def _progress(job: Path) -> str:
    """What the worker wrote last about what it does."""
    path = job / "progress.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else "starting"


def _failure(nb: Path, job: Path, result: subprocess.CompletedProcess[str]) -> str:
    code = result.returncode
    ending = f"exit code {code}" if code > 0 else signal.Signals(-code).name
    lines = [line.rstrip() for line in result.stderr.splitlines() if line.strip()]
    last = "".join(f"\n    {line}" for line in lines[-LAST_LINES:])
    return f"{nb}: the official runtime ended with {ending} while {_progress(job)}{last}"
