"""Run ONNX's backend tests and write their results to tests/conformance/scoreboard.tsv.

Usage: .venv/bin/python scripts/update_scoreboard.py

Needs the cases (scripts/fetch_node_tests.py) and the official runtime
(scripts/install_official_runtime.py). Look at the diff before you commit it.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import node_tests
from scoreboard import write_scoreboard


def main() -> None:
    """Write the scoreboard and print its totals."""
    results = node_tests.scoreboard(node_tests.cases())
    write_scoreboard(results)
    for column, name in enumerate(("NumPy runtime", "official runtime")):
        counts = Counter(result[column].split(":")[0] for result in results.values())
        sys.stdout.write(f"{name}: {dict(counts)}\n")


if __name__ == "__main__":
    main()
