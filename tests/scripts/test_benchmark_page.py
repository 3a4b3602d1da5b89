"""The page of benchmarks says what its report says, and nothing else."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmark.page import render
from benchmark.summary import (
    MEASURES,
    OFFICIAL,
    PEERS,
    geometric_mean,
    measure_called,
    ratio,
    status,
)

CHANGES: tuple[tuple[Any, ...], ...] = (
    ("latency", "opt", "median_seconds", 12.5),
    ("latency", OFFICIAL, "spread", 7.0),
    ("conversions", "opt", "float", "arm", "bytes", 987_654_321_000),
    ("conversions", "opt", "float", "arm", "cpu_seconds", 987.0),
    ("conversions", "MNN", "float", "x86", "peak_bytes", 987_000_000_000),
    ("fidelity", "opt", "int8", "sqnr_db", 98.7),
    ("fidelity", "opt", "float", "max_error_of_scale", 0.5),
    ("activations", "opt", 987_654_321),
    ("variables", OFFICIAL, 987_654_321),
)
"""Places in the report of a model, each with another figure."""

DOCS = Path(__file__).resolve().parents[2] / "docs"
REPORT, PAGE = DOCS / "benchmarks.json", DOCS / "benchmarks.md"


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return dict(json.loads(REPORT.read_text(encoding="utf-8")))


def test_the_page_is_made_from_the_report(report: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(report)


def test_the_pages_plots_are_there() -> None:
    for name in re.findall(r"!\[[^]]*\]\(([^)]*)\)", PAGE.read_text(encoding="utf-8")):
        assert (DOCS / name).is_file(), name


def test_no_machine_is_told(report: dict[str, Any]) -> None:
    for text in (json.dumps(report), PAGE.read_text(encoding="utf-8")):
        assert not re.search(r"(?<![\w.])/(root|home|tmp|work|usr|opt)/", text)


def test_every_figure_of_a_model_is_on_the_page(report: dict[str, Any]) -> None:
    """A figure that is changed in the report changes the page."""
    page = render(report)
    name = next(n for n, m in report["models"].items() if {"opt", OFFICIAL} <= set(m["latency"]))
    for *place, key, value in CHANGES:
        changed = copy.deepcopy(report)
        figures = changed["models"][name]
        for step in place:
            figures = figures[step]
        figures[key] = value
        assert render(changed) != page, place


def test_a_peer_that_is_better_is_in_bold_in_the_first_table(report: dict[str, Any]) -> None:
    page = render(report)
    first = page.split("\n## ")[1]
    for peer in PEERS:
        row = next(line for line in first.splitlines() if line.startswith(f"| {peer} "))
        cells = [cell.strip() for cell in row.strip("|").split("|")][5:]
        for measure, cell in zip(MEASURES, cells, strict=True):
            found = ratio(report, peer, measure)
            better = found is not None and float(cell.strip("*")) > 1
            assert cell.startswith("**") == better, (peer, measure.name)


def test_what_is_better_elsewhere_is_explained(report: dict[str, Any]) -> None:
    overview, closing = render(report).split("\n## ")[1], render(report).split("\n## ")[-1]
    assert (re.search(r"\| \*\*\d", overview) is not None) == ("- **" in closing)


# ---- the figures


def facts(seconds: float, error: float) -> dict[str, Any]:
    converted = {"converted": True, "bytes": 10, "operators": 1, "cpu_seconds": seconds}
    return {
        "conversions": {
            tool: {"float": {"arm": {**converted, "peak_bytes": 1}}} for tool in ("opt", OFFICIAL)
        },
        "fidelity": {
            "opt": {"float": {"max_error_of_scale": 1e-6, "sqnr_db": 100.0}},
            OFFICIAL: {"float": {"max_error_of_scale": error, "sqnr_db": 100.0}},
        },
        "latency": {"opt": {"median_seconds": seconds}, OFFICIAL: {"median_seconds": 1.0}},
    }


def test_only_models_that_both_convert_rightly_are_compared() -> None:
    report = {"models": {"a": facts(4.0, 1e-6), "b": facts(1.0, 1e-6), "c": facts(900.0, 0.5)}}
    assert status(report["models"]["c"], OFFICIAL) == "wrong"
    assert ratio(report, OFFICIAL, measure_called("latency")) == pytest.approx(2.0)


def test_processor_time_compares_sums() -> None:
    report = {"models": {"a": facts(4.0, 1e-6), "b": facts(1.0, 1e-6)}}
    report["models"]["b"]["conversions"][OFFICIAL]["float"]["arm"]["cpu_seconds"] = 6.0
    assert ratio(report, OFFICIAL, measure_called("processor time")) == pytest.approx(0.5)


def test_a_file_for_arm_only_does_not_run_here() -> None:
    model = facts(1.0, 1e-6)
    del model["fidelity"][OFFICIAL]
    assert status(model, OFFICIAL) == "does not run"


def test_a_mean_of_ratios_is_geometric() -> None:
    assert geometric_mean((4.0, 0.25)) == pytest.approx(1.0)
    assert geometric_mean(()) is None
