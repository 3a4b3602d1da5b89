"""Draws what quantization made of each layer: its size before and after, and its error.

matplotlib draws; it is an optional extra (``pip install 'opt-tool[plot]'``).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from opt_tool.api.output_file import check_output, output_file
from opt_tool.api.report import QuantizationReport
from opt_tool.errors import UsageError
from opt_tool.passes.quantization.grid import stored_bits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
LAYER_WIDTH, SMALLEST_WIDTH, HEIGHT = 0.22, 6.0, 6.0  # inches
COLORS = {8: "tab:blue", 16: "tab:orange", 32: "dimgray"}
NO_METADATA = {"svg": {"Date": None}, "png": {"Software": None}}
"""What would differ from day to day and from version to version."""


def check_plot(path: Path) -> None:
    """Find out before the work whether the plot can be drawn at its end.

    Raises:
        UsageError: when the file is of another kind or matplotlib is missing.
        FileAccessError: when it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: plots are written as {' or '.join(SUFFIXES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("plots need matplotlib: pip install 'opt-tool[plot]'")
    check_output(path)


def plot_quantization(report: QuantizationReport, path: Path) -> None:
    """Draw a report as a PNG or SVG picture; the same report gives the same bytes.

    Raises:
        UsageError, FileAccessError: as ``check_plot``.
    """
    check_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "opt"}):
        width = max(SMALLEST_WIDTH, LAYER_WIDTH * len(report.layers))
        figure = Figure(figsize=(width, HEIGHT), layout="constrained")
        _draw(figure, report)
        kind = path.suffix.lower().removeprefix(".")
        with output_file(path) as part:
            figure.savefig(part, format=kind, metadata=NO_METADATA[kind])


def _draw(figure: Figure, report: QuantizationReport) -> None:
    layers, places = report.layers, range(len(report.layers))
    sizes, errors = figure.subplots(2, 1, sharex=True)
    sizes.set_title(f"{report.mode}, method {report.method}")
    sizes.set_ylabel("KiB, before (gray) and after")
    sizes.bar(places, [layer.bytes_before / 1024 for layer in layers], color="lightgray")
    for bits, color in COLORS.items():
        own = [place for place in places if stored_bits(layers[place].bits) == bits]
        after = [layers[place].bytes_after / 1024 for place in own]
        sizes.bar(own, after, color=color, label=f"{bits} bits")
    sizes.legend()
    errors.set_ylabel("signal to noise, dB")
    errors.plot(places, _decibels(layer.sqnr_db for layer in layers), "o", label="weight")
    alone = _decibels(layer.sensitivity_db for layer in layers)
    if not all(map(math.isnan, alone)):
        errors.plot(places, alone, "x", label="outputs with 8 bits in this layer alone")
    errors.legend()
    errors.set_xticks(places, [layer.node for layer in layers], rotation=90, fontsize=6)


def _decibels(values: Iterable[float | None]) -> list[float]:
    """Numbers as matplotlib takes them; what is not known is not drawn."""
    return [math.nan if value is None else value for value in values]
