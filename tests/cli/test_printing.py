from __future__ import annotations

import subprocess
import sys

import click
import pytest

from opt_tool.cli.printing import print_table


def test_a_table_without_a_terminal_is_lines_of_padded_cells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "count", "why"), [("conv2d", 5, None), ("fc", 12, "too\nlarge")])
    assert capsys.readouterr().err.splitlines() == [
        "name    count  why",
        "conv2d      5",
        "fc         12  too",
        "               large",
    ]


def test_a_long_cell_is_not_cut_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("problem",), [("x" * 500,)])
    assert capsys.readouterr().err.splitlines() == ["problem", "x" * 500]


def test_a_table_without_rows_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "count"), [])
    assert capsys.readouterr().err == "name  count\n"


def test_a_table_without_a_terminal_needs_no_rich() -> None:
    code = (
        "import sys; from opt_tool.cli.printing import print_table;"
        "print_table(('a',), [('b',)]); sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_terminal_folds_a_long_cell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("name", "problem"), [("conv2d", "x" * 50)])
    lines = click.unstyle(capsys.readouterr().err).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 40
