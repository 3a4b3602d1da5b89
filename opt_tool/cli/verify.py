"""``opt verify``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import counted, print_result, print_table, print_warnings

if TYPE_CHECKING:
    from opt_tool.api.comparison import ComparisonReport
    from opt_tool.api.difference import Difference

EXAMPLE = """\
opt verify mobilenet.onnx mobilenet.nb
opt verify mobilenet.onnx mobilenet.nb --input image=image.npy --per-layer
opt verify deploy.prototxt net.caffemodel net.nb"""

FAILED = 4
COLUMNS = ("tensor", "max error", "of scale", "SQNR dB", "cosine", "argmax")


@click.command("verify", cls=OptCommand, example=EXAMPLE)
@click.argument(
    "models", type=options.FILE, nargs=-1, required=True,
    metavar="REFERENCE [WEIGHTS] CANDIDATE [WEIGHTS]",
)  # fmt: skip
@options.input_option
@click.option("--per-layer", is_flag=True, help="Name the first layer that differs.")
@click.pass_context
def verify_command(
    ctx: click.Context,
    models: tuple[Path, ...],
    inputs: dict[str, Path],
    per_layer: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Compare what two models compute.

    REFERENCE and CANDIDATE are each a model of any format that opt reads, a Caffe network
    with its WEIGHTS. Inputs are made from a fixed seed unless they are given. Exit code 4
    when they differ.
    """
    from opt_tool.api.comparison import verify
    from opt_tool.api.loading import two_models
    from opt_tool.api.run_files import load_arrays

    (reference, *reference_weights), (candidate, *candidate_weights) = two_models(models)
    arrays = load_arrays(reference, inputs, *reference_weights) if inputs else None
    report = verify(
        reference,
        candidate,
        reference_weights=next(iter(reference_weights), None),
        candidate_weights=next(iter(candidate_weights), None),
        inputs=arrays,
        per_layer=per_layer,
    )
    if not (quiet or as_json):
        differences = [*(layer.difference for layer in report.layers), *report.outputs]
        print_table(COLUMNS, [_row(difference) for difference in differences])
    print_warnings(report.warnings)
    print_result(report, _summary(report), as_json=as_json)
    ctx.exit(0 if report.status == "passed" else FAILED)


def _row(difference: Difference) -> tuple[object, ...]:
    name = difference.name
    if difference.before is not None:
        name = f"{name} (before {difference.before})"
    if difference.problem is not None:
        return name, difference.problem, "", "", "", ""
    numbers = (
        difference.max_abs_error,
        difference.max_rel_error,
        difference.sqnr_db,
        difference.cosine,
        difference.argmax_agreement,
    )
    return name, *("" if number is None else f"{number:.5g}" for number in numbers)


def _summary(report: ComparisonReport) -> Iterator[str]:
    worst = max((output.max_rel_error or 0.0 for output in report.outputs), default=0.0)
    yield (
        f"{report.status}: largest difference is {worst:.1e} of the output's scale "
        f"(bound {report.bound:g}, {counted(report.samples, 'sample')})"
    )
    first = report.first_divergence
    if first is not None:
        passes = f", made by {', '.join(first.passes)}" if first.passes else ""
        yield f"first layer that differs: {first.op} (tensor {first.difference.name!r}){passes}"
