"""The options that say how weights are quantized."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opt_tool.cli import options
from opt_tool.cli.sample_options import preprocessing_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opt_tool.api.quantization import QuantizationOptions
    from opt_tool.api.report import QuantizationReport

METHODS = ("best", "parity", "mse", "squant", "bias", "equalize", "spare")
KEYS = ("method", "keep_float", "bits_for", "max_error", "min_sqnr", "force")

F = TypeVar("F", bound=Callable[..., Any])  # a command, whatever its options are


class NamedBitsType(click.ParamType):  # type: ignore[type-arg]  # only click 8.5 has any
    """``NAME=16``: a weight or an operation and its bits."""

    name = "NAME=BITS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        name, _, bits = str(value).rpartition("=")
        if not name or not bits.isdigit():
            self.fail(f"{value!r} is not of the form NAME=16", param, ctx)
        return name, int(bits)


OPTIONS = (
    click.option(
        "--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True,
        metavar="METHOD",
        help=f"{', '.join(METHODS)}; parity is Paddle Lite's own rule.",
    ),
    click.option(
        "--keep-float", multiple=True, metavar="NAME",
        help="Leave this operation's weight as it is.",
    ),
    click.option(
        "--bits-for", type=NamedBitsType(), multiple=True, callback=options.unique,
        help="The bits of one weight: 2 to 16, or 32.",
    ),
    click.option(
        "--max-error", type=float, default=30.0, show_default=True, metavar="DB",
        help="For mixed: what outputs keep.",
    ),
    click.option(
        "--min-sqnr", type=float, default=10.0, show_default=True, metavar="DB",
        help="What every file must keep.",
    ),
    click.option(
        "--force", is_flag=True, help="Quantize what is quantized already."
    ),
)  # fmt: skip


def quantization_options(command: F) -> F:
    """All of them, for a command that takes them as keyword arguments."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def options_of(mode: str, given: dict[str, Any], bits: int | None = None) -> QuantizationOptions:
    """What the library takes."""
    from opt_tool.api.quantization import QuantizationOptions

    own = {}
    if given.get("samples") is not None:
        own = {"samples": given["samples"], "preprocessing": preprocessing_of(given)}
    return QuantizationOptions(
        mode=mode,
        bits=bits,
        method=given["method"],
        keep_float=given["keep_float"],
        bits_for=given["bits_for"],
        max_error_db=given["max_error"],
        min_sqnr_db=given["min_sqnr"],
        force=given["force"],
        **own,
    )


def quantization_rows(report: QuantizationReport) -> list[tuple[object, ...]]:
    """A row for each weight: operator, name, bits, bytes, signal to noise of it and of outputs."""
    return [
        (
            layer.op,
            layer.node,
            layer.bits,
            layer.bytes_before,
            layer.bytes_after,
            _decibels(layer.sqnr_db),
            _decibels(layer.sensitivity_db),
        )
        for layer in report.layers
    ]


QUANTIZATION_COLUMNS = (
    "operator", "name", "bits", "bytes before", "after", "SQNR dB", "alone in 8 bits dB"
)  # fmt: skip


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def quantization_lines(report: QuantizationReport) -> Iterator[str]:
    """What quantization came to."""
    if report.mode == "none":
        return
    share = report.bytes_after / report.bytes_before if report.bytes_before else 1.0
    yield (
        f"quantized {len(report.layers)} weights to {share:.1%} of their size "
        f"({report.mode}, method {report.method}); {report.note}"
    )
    search = report.search
    if search is not None and search.measured_db is not None:
        known = {name: db for name, db in search.sensitivity_db.items() if db is not None}
        least = min(known, key=known.__getitem__, default=None)
        yield (
            f"the outputs keep {search.measured_db:.1f} dB of {search.max_error_db:g} asked for; "
            f"most sensitive is {least!r}; at most {search.optimality_gap:.2%} above the "
            "smallest choice"
        )
    for weight in report.kept_float:
        yield f"{weight.op} weight {weight.weight!r} stays float: {weight.reason}"
