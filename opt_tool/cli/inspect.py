"""``opt inspect``."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import (
    counted,
    print_result,
    print_table,
    readable_bytes,
    readable_shape,
)
from opt_tool.errors import first_of

if TYPE_CHECKING:
    from opt_tool.api.inspection import InspectionReport

EXAMPLE = """\
opt inspect mobilenet.nb
opt inspect mobilenet.nb --csv > layers.csv
opt inspect detector.onnx --target arm --input-shape images=1,3,320,320"""

COLUMNS = (
    "layer",
    "operator",
    "kernel",
    "output",
    "parameters",
    "bits",
    "MACs",
    "share",
    "bytes out",
    "algorithm",
)


@click.command("inspect", cls=OptCommand, example=EXAMPLE)
@options.model_arguments("file")
@options.target_option()
@options.lite_version_option
@options.input_shape_option
@options.conv_algorithm_option
@options.conv_policy_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the layers as CSV on standard output.")
def inspect_command(
    file: Path,
    weights: Path | None,
    target: str | None,
    lite_version: str,
    input_shapes: dict[str, tuple[int, ...]],
    conv_algorithm: str | None,
    conv_policy: str,
    as_csv: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Show the layers of FILE and what they cost.

    With --target a source model is shown as it would be written for that target.
    """
    from opt_tool.api.inspection import inspect

    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    report = inspect(
        file,
        weights,
        target=target,
        lite_version=lite_version,
        input_shapes=input_shapes,
        conv_algorithm=conv_algorithm,
        conv_policy=conv_policy,
    )
    if as_csv:
        click.echo(_csv(report), nl=False)
        return
    if not (quiet or as_json):
        print_table(COLUMNS, _rows(report))
    print_result(report, _summary(report), as_json=as_json)


def _rows(report: InspectionReport) -> Iterator[tuple[object, ...]]:
    for layer in report.layers:
        yield (
            layer.name,
            layer.op,
            layer.kernel,
            readable_shape(layer.output_shape),
            layer.parameters,
            layer.bits,
            _or_unknown(layer.macs),
            "" if layer.share is None else f"{layer.share:.1%}",
            _or_unknown(layer.activation_bytes),
            layer.algorithm,
        )


def _csv(report: InspectionReport) -> str:
    """A line for each layer under the keys of the JSON object; what is unknown is empty."""
    text = io.StringIO()
    from opt_tool.api.inspection import LayerReport

    names = [field.name for field in dataclasses.fields(LayerReport)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for layer in report.layers:
        row = dataclasses.asdict(layer)
        writer.writerow({**row, "output_shape": readable_shape(layer.output_shape)})
    return text.getvalue()


def _or_unknown(number: int | None) -> int | str:
    return "?" if number is None else number


def _summary(report: InspectionReport) -> Iterator[str]:
    for kind, tensors in (("input", report.inputs), ("output", report.outputs)):
        for tensor in tensors:
            yield f"{kind} {tensor.name}: {tensor.dtype} {readable_shape(tensor.shape)}"
    totals = report.totals
    yield (
        f"{counted(totals.layers, 'layer')}, {totals.parameters:,} parameters "
        f"({readable_bytes(totals.parameter_bytes)})"
    )
    if totals.macs is not None and totals.peak_memory_bytes is not None:
        yield (
            f"{totals.macs:,} multiply-accumulates, at most "
            f"{readable_bytes(totals.peak_memory_bytes)} of activations at once"
        )
    if report.unknown:
        yield (
            f"the sizes of {counted(len(report.unknown), 'layer')} are known only at run time; "
            f"--input-shape fixes them: {first_of([*map(repr, report.unknown)])}"
        )
