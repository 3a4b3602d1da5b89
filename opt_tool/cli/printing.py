"""Prints results on standard output; tables, warnings and progress on standard error."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from opt_tool.cli.command import is_verbose

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""The seconds after which a command shows how far it is."""

UNITS = ("B", "kB", "MB", "GB")


class Report(Protocol):
    """Anything that a command reports."""

    def to_json(self) -> str: ...


def print_result(report: Report, summary: Iterable[str], *, as_json: bool) -> None:
    """Print the report as JSON, or else lines for people."""
    if as_json:
        click.echo(report.to_json())
        return
    for line in summary:
        click.echo(line)


def print_warnings(warnings: Iterable[str]) -> None:
    """Print what the user should know, one line each."""
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard error; columns of numbers are aligned to the right."""
    listed = list(rows)
    numeric = [
        all(isinstance(row[index], int | float) for row in listed) for index in range(len(columns))
    ]
    cells = [["" if cell is None else str(cell) for cell in row] for row in listed]
    if sys.stderr.isatty():
        _print_folded(columns, cells, numeric)
    else:
        click.echo("\n".join(_plain_lines([columns, *cells], numeric)), err=True)


def _plain_lines(rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Iterator[str]:
    """The lines of a table as wide as it is; a cell may have several."""
    parts = [[cell.splitlines() for cell in row] for row in rows]
    widths = [
        max(len(line) for cell in column for line in cell or [""])
        for column in zip(*parts, strict=True)
    ]
    for row in parts:
        for line in itertools.zip_longest(*row, fillvalue=""):
            padded = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ]
            yield "  ".join(padded).rstrip()


def _print_folded(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> None:
    """Print a table as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, right in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(stderr=True, highlight=False).print(table)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show the stage that a command is in once it takes a while.

    A terminal shows a bar that is gone at the end; with ``--verbose`` each stage is a line.
    """
    if is_verbose():
        with _stage_lines() as on_stage:
            yield on_stage
    elif quiet or not sys.stderr.isatty():
        yield lambda stage: None  # noqa: ARG005
    else:
        with _bar(None) as bar:
            yield lambda stage: bar.update(bar.task_ids[0], description=stage)


@contextmanager
def counting(total: int, what: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show how many of several things are done, the same way."""
    done = 0
    if is_verbose() or quiet or not sys.stderr.isatty():

        def count(name: str) -> None:
            nonlocal done
            done += 1
            if is_verbose():
                click.echo(f"{done} of {total} {what}: {name}", err=True)

        yield count
        return
    with _bar(total) as bar:
        yield lambda name: bar.update(bar.task_ids[0], advance=1, description=f"{what}: {name}")


@contextmanager
def _stage_lines() -> Iterator[Callable[[str], None]]:
    """Print each stage when it is over, with its seconds."""
    stages: list[tuple[str, float]] = []

    def end_stage() -> None:
        if stages:
            name, start = stages.pop()
            click.echo(f"{time.perf_counter() - start:8.2f} s  {name}", err=True)

    def on_stage(stage: str) -> None:
        end_stage()
        stages.append((stage, time.perf_counter()))

    yield on_stage
    end_stage()


@contextmanager
def _bar(total: int | None) -> Iterator[Progress]:
    """A bar on standard error that appears after a second."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("starting", total=total)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def readable_bytes(count: int) -> str:
    """``17.3 MB`` and its like."""
    size = float(count)
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {UNITS[-1]}"


def readable_shape(shape: Sequence[object]) -> str:
    """``1x3x224x224``."""
    return "x".join(map(str, shape)) if shape else "scalar"


def counted(count: int, noun: str) -> str:
    """``1 sample``, ``3 samples``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
