"""``opt list-ops``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import counted, print_result, print_table

if TYPE_CHECKING:
    from opt_tool.api.operator_listing import OperatorListing, SourceOperator, SupportedOperators

EXAMPLE = """\
opt list-ops mobilenet.onnx --target arm
opt list-ops --supported --framework onnx"""


@click.command("list-ops", cls=OptCommand, example=EXAMPLE)
@options.model_arguments(required=False)
@click.option("--supported", is_flag=True, help="List what opt supports; takes no MODEL.")
@click.option(
    "--framework",
    type=click.Choice(["caffe", "onnx", "tflite"]),
    help="Only this one, with --supported.",
)
@options.target_option(default="arm", show_default=True)
@options.lite_version_option
@options.library_option
@options.input_shape_option
@options.input_value_option
@options.external_data_option
@options.outputs_option
@click.pass_context
def list_ops_command(
    ctx: click.Context,
    model: Path | None,
    weights: Path | None,
    supported: bool,
    framework: str | None,
    target: str,
    lite_version: str,
    library: str,
    input_shapes: dict[str, tuple[int, ...]],
    input_values: dict[str, tuple[float, ...] | Path],
    external_data: Path | None,
    outputs: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """List the operators of MODEL and what runs them.

    What is missing comes first, each with its reason. A model that can be converted is
    listed as Paddle Lite's operators, any other as its own.
    """
    _check_usage(ctx, model, supported, framework)
    from opt_tool.api import operator_listing
    from opt_tool.api.given_arrays import read_values

    if model is None:
        known = operator_listing.supported_operators(
            target=target, lite_version=lite_version, framework=framework
        )
        if not (quiet or as_json):
            print_table(("framework", "domain", "operator"), _known_rows(known))
        print_result(known, _known_summary(known), as_json=as_json)
        return
    listing = operator_listing.list_ops(
        model,
        weights,
        target=target,
        lite_version=lite_version,
        library=library,
        input_shapes=input_shapes,
        input_values=read_values(input_values),
        outputs=outputs,
        external_data=external_data,
    )
    if not (quiet or as_json):
        print_table(("operator", "count", "from", "kernel", "library", "problem"), _rows(listing))
    print_result(listing, _summary(listing), as_json=as_json)


def _check_usage(
    ctx: click.Context, model: Path | None, supported: bool, framework: str | None
) -> None:
    if supported == (model is not None):
        raise click.UsageError("give either a MODEL or --supported", ctx)
    if framework is not None and not supported:
        raise click.UsageError("--framework goes with --supported", ctx)


def _rows(listing: OperatorListing) -> Iterator[tuple[object, ...]]:
    for row in listing.operators:
        problem = None if row.reason is None else f"{row.nodes[0]}: {row.reason}"
        yield row.op, row.count, ", ".join(row.sources), row.kernel, row.library, problem


def _summary(listing: OperatorListing) -> Iterator[str]:
    count = sum(row.count for row in listing.operators)
    missing = [row for row in listing.operators if not row.supported]
    yield (
        f"{listing.path}: {counted(count, 'operator')} of "
        f"{counted(len({row.op for row in listing.operators}), 'kind')}"
    )
    if missing:
        nodes = sum(row.count for row in missing)
        kinds = ", ".join(sorted({row.op for row in missing}))
        yield f"not supported on {listing.target}: {counted(nodes, 'node')} ({kinds})"
        return
    extra = sorted({row.op for row in listing.operators if row.library == "with_extra"})
    needs = f"the with_extra build, for {', '.join(extra)}" if extra else "the basic build"
    yield f"all are supported on {listing.target}; the runtime must be {needs}"


def _known_rows(known: SupportedOperators) -> Iterator[tuple[object, ...]]:
    for row in known.operators:
        yield row.framework, _domain(row), row.op


def _known_summary(known: SupportedOperators) -> Iterator[str]:
    for framework, count in Counter(row.framework for row in known.operators).items():
        yield f"{framework}: {counted(count, 'operator')}"
    kinds = {row.op for row in known.kernels}
    yield f"Paddle Lite {known.lite_version} on {known.target}: {counted(len(kinds), 'operator')}"


def _domain(row: SourceOperator) -> str:
    """The operator set that an operator is from; only ONNX has several."""
    return row.domain or ("ai.onnx" if row.framework == "onnx" else "")
