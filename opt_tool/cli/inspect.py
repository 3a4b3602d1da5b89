"""``opt inspect``."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from opt_tool.api.inspection import InspectionReport

EXAMPLE = """\
opt inspect mobilenet.nb
opt inspect detector.onnx --target arm --input-shape images=1,3,320,320"""

COLUMNS = (
    "layer",
    "operator",
    "kernel",
    "output",
    "parameters",
    "bits",
    "MACs",
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
def inspect_command(
    file: Path,
    weights: Path | None,
    target: str | None,
    lite_version: str,
    input_shapes: dict[str, tuple[int, ...]],
    conv_algorithm: str | None,
    conv_policy: str,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Show the layers of FILE and what they cost.

    With --target a source model is shown as it would be written for that target.
    """
    from opt_tool.api.inspection import inspect

    report = inspect(
        file,
        weights,
        target=target,
        lite_version=lite_version,
        input_shapes=input_shapes,
        conv_algorithm=conv_algorithm,
        conv_policy=conv_policy,
    )
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
            _or_unknown(layer.activation_bytes),
            layer.algorithm,
        )


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
            "--input-shape fixes them"
        )
