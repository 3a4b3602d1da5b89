"""The file with the expected result of each of ONNX's backend tests.

A line is a case, the result of the NumPy runtime and that of the official one, with tabs
between; ``-`` stands where a refused case was not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SCOREBOARD = Path(__file__).resolve().parents[1] / "conformance" / "scoreboard.tsv"


def read_scoreboard() -> dict[str, tuple[str, str]]:
    """The expected results by case."""
    rows = (line.split("\t") for line in SCOREBOARD.read_text(encoding="utf-8").splitlines())
    return {name: (numpy, official) for name, numpy, official in rows}


def write_scoreboard(results: Mapping[str, tuple[str, str]]) -> None:
    """Make these the expected results."""
    lines = (f"{name}\t{numpy}\t{official}\n" for name, (numpy, official) in results.items())
    SCOREBOARD.write_text("".join(lines), encoding="utf-8")
