"""Several conversions, each in a process of its own, some at a time.

A process for each keeps them apart: what ends one, a crash too, does not end the others, and
the memory that one took is free for the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from opt_tool.api.json_form import to_json
from opt_tool.errors import UsageError

MAIN = "from opt_tool.cli import main; main()"
FAULT = 1
OWN_OPTIONS = frozenset({"out", "out_dir", "jobs", "report", "as_json", "quiet"})
"""Options that the conversions of a batch are not given."""


@dataclass(frozen=True, slots=True)
class Task:
    """One model and the file that it becomes."""

    files: tuple[Path, ...]
    output: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one model; ``report`` is that of its conversion, as far as there is one."""

    path: str
    output: str | None
    exit_code: int
    error: str | None
    warnings: tuple[str, ...]
    report: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of all models, in the order in which they were given."""

    exit_code: int
    models: tuple[Outcome, ...]

    def to_json(self) -> str:
        return to_json(self)


def tasks_of(models: Sequence[tuple[Path, ...]], folder: Path) -> list[Task]:
    """Where each model goes: into the folder, under its own name.

    Raises:
        UsageError: when two models would become one file.
    """
    tasks: dict[Path, Task] = {}
    for files in models:
        output = folder / f"{_name(files)}.nb"
        if output in tasks:
            raise UsageError(
                f"{tasks[output].files[0]} and {files[0]} would both become {output}; convert "
                "them into two folders"
            )
        tasks[output] = Task(files, output)
    return list(tasks.values())


def _name(files: tuple[Path, ...]) -> str:
    """The name of a model; of a Caffe model the weights', since most networks are ``deploy``."""
    weights = [file for file in files if file.suffix == ".caffemodel"]
    return (weights or list(files))[0].stem


def common_arguments(ctx: click.Context, given: Sequence[str]) -> list[str]:
    """The options on a command line that every conversion of a batch is given.

    Args:
        ctx: The context of the command.
        given: Its arguments as they were typed.
    """
    texts, _, _ = ctx.command.make_parser(ctx).parse_args(args=list(given))
    arguments: list[str] = []
    for param in ctx.command.params:
        if not isinstance(param, click.Option) or param.name in OWN_OPTIONS:
            continue
        text = texts.get(str(param.name))
        if param.is_flag:
            arguments += [param.opts[0]] if text else []
        elif text is not None:
            for value in text if param.multiple else (text,):
                arguments += [param.opts[0], str(value)]
    return arguments


class Batch:
    """Runs conversions, at most ``jobs`` at a time."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(
        self, tasks: Sequence[Task], options: Sequence[str], on_done: Callable[[Outcome], None]
    ) -> BatchReport:
        """Convert all; whatever ends this early ends the conversions too."""
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                futures = [pool.submit(self._convert, task, options) for task in tasks]
                for future in as_completed(futures):
                    on_done(future.result())
            finally:
                self._stop()
        outcomes = tuple(future.result() for future in futures)
        codes = {outcome.exit_code for outcome in outcomes}
        return BatchReport(FAULT if FAULT in codes else max(codes), outcomes)

    def _stop(self) -> None:
        """End what still runs and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _convert(self, task: Task, options: Sequence[str]) -> Outcome:
        path = str(task.files[0])
        with self._lock:
            if self._stopped:
                return Outcome(path, None, FAULT, "was not begun", (), None)
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c", MAIN, "convert", *options, "--json", "--quiet"),
                    *("-o", str(task.output), "--", *map(str, task.files)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(process)
        printed, errors = process.communicate()
        with self._lock:
            self._running.discard(process)
        return _outcome(path, process.returncode, printed, errors)


def _outcome(path: str, code: int, printed: str, errors: str) -> Outcome:
    lines = errors.splitlines()
    warnings = tuple(
        line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: ")
    )
    if code < 0:
        return Outcome(path, None, FAULT, f"the conversion ended by signal {-code}", (), None)
    report: dict[str, Any] | None = json.loads(printed) if printed.strip() else None
    if code == 0 and report is not None:
        return Outcome(path, report["output"]["path"], 0, None, warnings, report)
    error = "\n".join(_error_lines(lines)).removeprefix("Error: ")
    return Outcome(path, None, code, error, warnings, report)


def _error_lines(lines: Sequence[str]) -> Iterator[str]:
    """What follows the warnings and the reminder of the usage."""
    start = next((place for place, line in enumerate(lines) if line.startswith("Error: ")), 0)
    yield from lines[start:]
