"""Run a Paddle Lite file in the official runtime. Not part of opt's process.

``official_runtime`` starts this file with the Python of another environment: Python 3.7 to 3.10
and NumPy 1, because the official wheels have nothing newer. It therefore imports nothing of opt.

    python -I official_worker.py JOB...

Several jobs are done each in a child of its own, since a failed check aborts the process; a job's
``status.txt`` then has how its child ended and ``stderr.txt`` what it said. JOB is
a folder with ``job.json`` and ``inputs.npz``, whose arrays are called ``set/position``. The first
has the ``model``'s path, for each input set its ``counts`` of arrays and their ``names`` (or null),
how many ``repeats`` are timed after a first run, and the ``seconds`` that a child may take. Written
are ``progress.txt`` (what is being done, so that an abort can be placed) and ``outputs.npz``:
arrays called alike and the ``seconds``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from paddlelite.lite import (  # type: ignore[import-not-found]  # only in that environment
    MobileConfig,
    create_paddle_predictor,
)


def main(job: Path) -> None:
    """Do the job in the folder."""
    request = json.loads((job / "job.json").read_text(encoding="utf-8"))
    _note(job, "loading it")
    config = MobileConfig()
    config.set_model_from_file(request["model"])
    predictor = create_paddle_predictor(config)
    output_count = _output_count(predictor)
    results, seconds = {}, []
    with np.load(str(job / "inputs.npz"), allow_pickle=False) as inputs:
        for number, names in enumerate(request["names"]):
            _note(job, f"running input set {number + 1} of {len(request['names'])}")
            arrays = [inputs[f"{number}/{i}"] for i in range(request["counts"][number])]
            positions = _positions(predictor, names, len(arrays))
            _timed_run(predictor, positions, arrays)
            seconds += [_timed_run(predictor, positions, arrays) for _ in range(request["repeats"])]
            for i in range(output_count):
                results[f"{number}/{i}"] = _array(predictor.get_output(i))
    results["seconds"] = np.array(seconds, np.float64)
    np.savez(str(job / "outputs.npz"), **results)
    _note(job, "done")


def _note(job: Path, what: str) -> None:
    (job / "progress.txt").write_text(what, encoding="utf-8")


def _output_count(predictor: Any) -> int:
    """How many outputs there are.

    Runtimes before 2.12 cannot say so, and asking for one too many aborts the process: a child
    asks there.
    """
    if hasattr(predictor, "get_output_names"):
        return len(predictor.get_output_names())
    count = 0
    while _survives(predictor, count):
        count += 1
    return count


def _survives(predictor: Any, position: int) -> bool:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        predictor.get_output(position)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _positions(predictor: Any, names: list[str] | None, count: int) -> list[int]:
    """Where in the file's order of inputs each of the arrays goes."""
    if not hasattr(predictor, "get_input_names"):  # runtimes before 2.12
        if names is not None and count > 1:
            sys.exit("this runtime knows no input names: give the arrays in the file's order")
        return list(range(count))
    known = predictor.get_input_names()
    given = known if names is None and count == len(known) else names
    if given is None or sorted(given) != sorted(known):
        wrong = f"{count} in number" if given is None else ", ".join(given)
        sys.exit(f"the file's inputs are {', '.join(known)}; given are {wrong}")
    return [known.index(name) for name in given]


def _timed_run(predictor: Any, positions: list[int], arrays: list[Any]) -> float:
    """Seconds of one run; the inputs are set anew, as a run may reuse their memory."""
    for position, array in zip(positions, arrays):  # noqa: B905  # Python 3.7 has no strict=
        predictor.get_input(position).from_numpy(array)
    start = time.perf_counter()
    predictor.run()
    return time.perf_counter() - start


def _array(tensor: Any) -> Any:
    """A copy of an output, which lives in the runtime's memory.

    The binding gives boolean arrays a stride of zero, so they are read as bytes.
    """
    array = tensor.numpy()
    if array.dtype == np.bool_:
        return np.array(tensor.uint8_data(), np.uint8).astype(np.bool_).reshape(array.shape)
    return array.copy()


def each(jobs: list[Path]) -> None:
    """Do the jobs one after the other, each in a child that may end as it will."""
    for job in jobs:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(str(job / "stderr.txt"), os.O_WRONLY | os.O_CREAT), 2)
            signal.alarm(json.loads((job / "job.json").read_text(encoding="utf-8"))["seconds"])
            main(job)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        (job / "status.txt").write_text(str(code), encoding="utf-8")


if __name__ == "__main__":
    jobs = [Path(job) for job in sys.argv[1:]]
    if len(jobs) == 1:
        main(jobs[0])
    else:
        each(jobs)
