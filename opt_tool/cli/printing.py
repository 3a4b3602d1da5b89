"""Prints results on standard output; tables, warnings and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click

WIDE = 160
"""The width of tables that no terminal shows."""

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
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) for row in listed)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    width = None if sys.stderr.isatty() else WIDE
    Console(stderr=True, width=width, highlight=False).print(table)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show the stage that a long command is in, where standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda stage: None  # noqa: ARG005
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda stage: status.update(stage)


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
