"""``opt verify``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import (
    counted,
    print_result,
    print_table,
    print_warnings,
    progress,
)
from opt_tool.cli.sample_options import preprocessing_of, sample_options

if TYPE_CHECKING:
    from opt_tool.api.comparison_report import ComparisonReport
    from opt_tool.api.difference import Difference
    from opt_tool.api.layer_comparison import LayerDifference

EXAMPLE = """\
opt verify mobilenet.onnx mobilenet.nb --per-layer
opt verify mobilenet.onnx mobilenet.nb --samples photos --mean 124 --std 58
opt verify deploy.prototxt net.caffemodel net.nb
opt verify mobilenet.onnx from_the_phone.npy --input image.npy"""

FAILED = 4
OUTPUT_COLUMNS = ("output", "max error", "of scale", "SQNR dB", "cosine", "argmax")
LAYER_COLUMNS = ("layer", "operator", "own error", "of scale", "SQNR dB", "cosine")
DAMAGE_COLUMNS = ("bits", "damage dB")
RANKED = 5


@click.command("verify", cls=OptCommand, example=EXAMPLE)
@click.argument(
    "models", type=options.FILE, nargs=-1, required=True,
    metavar="REFERENCE [WEIGHTS] CANDIDATE [WEIGHTS]",
)  # fmt: skip
@options.input_option
@sample_options
@options.input_shape_option
@click.option("--per-layer", is_flag=True, help="Name the first layer that differs, and why.")
@click.option("--bound", type=float, help="How much of its scale an output may differ by.")
@click.option(
    "--min-sqnr", type=float, default=10.0, show_default=True, metavar="DB",
    help="What a quantized CANDIDATE must keep, where --bound is not given.",
)  # fmt: skip
@click.pass_context
def verify_command(
    ctx: click.Context, /, models: tuple[Path, ...], inputs: dict[str, Path],
    samples: Path | None, input_shapes: dict[str, tuple[int, ...]], per_layer: bool,
    bound: float | None, min_sqnr: float, as_json: bool, quiet: bool,
    debug: bool,  # noqa: ARG001
    **given: Any,
) -> None:  # fmt: skip
    """Compare what two models compute, or a model and known outputs.

    REFERENCE and CANDIDATE are each a model of any format that opt reads (a Caffe network
    with its WEIGHTS), or arrays: a .npy or .npz file or a folder of .npy files. Inputs are
    made from a fixed seed unless they are given. Exit code 4 when they differ.
    """
    from opt_tool.api.comparison import verify
    from opt_tool.api.loading import two_models

    if inputs and samples is not None:
        raise click.UsageError("--input and --samples exclude each other", ctx)
    (reference, *reference_weights), (candidate, *candidate_weights) = two_models(models)
    with progress(quiet=quiet) as on_stage:
        report = verify(
            reference, candidate,
            reference_weights=next(iter(reference_weights), None),
            candidate_weights=next(iter(candidate_weights), None),
            inputs=inputs or None, **({} if samples is None else {"samples": samples}),
            preprocessing=preprocessing_of(given), input_shapes=input_shapes,
            bound=bound, min_sqnr=min_sqnr, per_layer=per_layer, on_stage=on_stage,
        )  # fmt: skip
    if not (quiet or as_json):
        _print_tables(report)
    print_warnings(report.warnings)
    print_result(report, _summary(report), as_json=as_json)
    ctx.exit(0 if report.status == "passed" else FAILED)


def _print_tables(report: ComparisonReport) -> None:
    if report.layers:
        ranked = DAMAGE_COLUMNS if report.ranking else ()
        rows = [_layer_row(layer)[: len(LAYER_COLUMNS + ranked)] for layer in report.layers]
        print_table(LAYER_COLUMNS + ranked, rows)
    print_table(OUTPUT_COLUMNS, [_output_row(difference) for difference in report.outputs])


def _layer_row(layer: LayerDifference) -> tuple[object, ...]:
    own = layer.own
    bits = None if layer.weight is None else layer.weight.bits
    return (
        layer.difference.name,
        layer.op,
        "" if own is None else own.problem or _number(own.max_rel_error),
        layer.difference.problem or _number(layer.difference.max_rel_error),
        _number(layer.difference.sqnr_db),
        _number(layer.difference.cosine),
        "" if bits is None else bits,
        _number(layer.damage_db),
    )


def _output_row(difference: Difference) -> tuple[object, ...]:
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
    return name, *map(_number, numbers)


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.5g}"


def _summary(report: ComparisonReport) -> Iterator[str]:
    yield f"{report.status}: {_verdict(report)}, {counted(report.samples, 'sample')})"
    if report.preprocessing is not None:
        yield f"pictures: {report.preprocessing}"
    first = report.first_divergence
    if first is not None:
        made = f", made by {', '.join(first.passes)}" if first.passes else ""
        came = f" from {', '.join(first.sources)}" if first.sources else ""
        yield f"first layer that differs: {first.op} {first.difference.name!r}{made}{came}"
    if report.cause is not None:
        yield f"cause ({report.cause.kind}): {report.cause.sentence}"
    layers = {layer.difference.name: layer for layer in report.layers}
    for place, name in enumerate(report.ranking[:RANKED], 1):
        layer = layers[name]
        weight = "" if layer.weight is None else f" (weight {layer.weight.reference!r})"
        yield (
            f"damage {place}: {layer.op} {name!r}{weight}; alone it leaves the outputs "
            f"{layer.damage_db:.1f} dB"
        )


def _verdict(report: ComparisonReport) -> str:
    """What the status rests on; the parenthesis stays open for the samples."""
    if report.min_sqnr_db is not None:
        kept = [output.sqnr_db for output in report.outputs if output.sqnr_db is not None]
        least = f"{min(kept):.1f} dB" if kept else "everything"
        return f"the outputs keep {least} of signal to noise (at least {report.min_sqnr_db:g} dB"
    worst = max((output.max_rel_error or 0.0 for output in report.outputs), default=0.0)
    return f"largest difference is {worst:.1e} of the output's scale (bound {report.bound:g}"
