"""Draw the plots of the page from the report, in an environment with matplotlib.

    python -I plot.py REPORT.json FOLDER

The same report gives the same files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

OPT, OFFICIAL = "opt", "official route"
COLORS = {"opt": "#1b6ca8", "opt --no-verify": "#7fb3d5", OFFICIAL: "#c0392b", "MNN": "#7f8c8d"}
WIDTH = 9.0


def main() -> None:
    """Draw what the command line asks for."""
    plt.rcParams.update({"svg.hashsalt": "opt", "svg.fonttype": "none", "font.size": 9})
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    _conversions(report["models"], folder / "conversion.svg")
    _latencies(report["models"], folder / "latency.svg")
    for key, unit in (("by_megabytes", "megabytes"), ("by_operators", "operators")):
        _scaling(report["scaling"][key], unit, folder / f"scaling-{unit}.svg")


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _conversions(models: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(WIDTH, 0.3 * len(models) + 1))
    for number, (tool, color) in enumerate(COLORS.items()):
        points = [(_seconds(model, tool), row) for row, model in enumerate(models.values())]
        known = [(x, row + 0.18 * (number - 1.5)) for x, row in points if x is not None]
        if known:
            x, y = zip(*known, strict=True)
            axes.barh(y, x, height=0.18, color=color, label=tool)
    axes.set_yticks(range(len(models)), list(models))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("processor seconds of a conversion to a float file")
    axes.legend()
    _save(figure, path)


def _seconds(model: dict[str, Any], tool: str) -> float | None:
    targets = model["conversions"].get(tool, {}).get("float", {})
    facts = targets.get("arm", targets.get("x86"))
    return facts["cpu_seconds"] if facts and facts["converted"] else None


def _latencies(models: dict[str, Any], path: Path) -> None:
    ratios = {}
    for name, model in models.items():
        times = [model["latency"].get(tool) for tool in (OPT, OFFICIAL)]
        if None not in times:
            ratios[name] = times[0]["median_seconds"] / times[1]["median_seconds"]
    figure, axes = plt.subplots(figsize=(WIDTH, 0.3 * len(ratios) + 1))
    axes.barh(range(len(ratios)), list(ratios.values()), color=COLORS[OPT])
    axes.axvline(1, color=COLORS[OFFICIAL], label=OFFICIAL)
    axes.set_yticks(range(len(ratios)), list(ratios))
    axes.invert_yaxis()
    axes.set_xlabel("latency of opt's file, of the official route's, in the official x86 runtime")
    axes.legend()
    _save(figure, path)


def _scaling(sweep: dict[str, Any], unit: str, path: Path) -> None:
    rows = [row for row in sweep["rows"] if row["why"] is None]
    sizes = [row["size"] for row in rows]
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.2))
    measures = (("cpu_seconds", "processor seconds", 1.0), ("peak_bytes", "peak MB", 1e6))
    for axes, (key, label, scale) in zip(panels, measures, strict=True):
        axes.loglog(sizes, [row[key] / scale for row in rows], "o-", color=COLORS[OPT])
        if sizes:
            last = rows[-1][key] / scale
            linear = [last * size / sizes[-1] for size in sizes]
            axes.loglog(sizes, linear, "--", color=COLORS["MNN"], label="linear")
        axes.set_xlabel(unit)
        axes.set_ylabel(label)
        axes.legend()
    _save(figure, path)


if __name__ == "__main__":
    main()
