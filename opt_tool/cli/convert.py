"""``opt convert``."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand, given_arguments
from opt_tool.cli.printing import (
    counted,
    counting,
    print_result,
    print_table,
    print_warnings,
    progress,
    readable_bytes,
)
from opt_tool.cli.quantization_options import (
    KEYS,
    QUANTIZATION_COLUMNS,
    options_of,
    quantization_lines,
    quantization_options,
    quantization_rows,
)

if TYPE_CHECKING:
    from opt_tool.api.difference import Difference
    from opt_tool.api.report import ConversionReport, PassSummary, VerificationReport
    from opt_tool.cli.batch import BatchReport, Outcome

EXAMPLE = """\
opt convert mobilenet.onnx -o mobilenet.nb --quantize int8
opt convert net.onnx -o x86.nb --target x86 --input-shape images=1,3,320,320
opt convert deploy.prototxt net.caffemodel -o net.nb
opt convert *.onnx -d converted --jobs 4"""

PER_FILE = ("dump_passes", "visualize")
"""Options that name what one conversion writes."""

LISTED = 3
"""So many lines of an error are shown in a table."""


@click.command("convert", cls=OptCommand, example=EXAMPLE)
@click.argument(
    "models", type=options.FILE, nargs=-1, required=True, metavar="MODEL [WEIGHTS] [MODEL]..."
)
@click.option("-o", "--out", type=options.FILE, help="The .nb file to write.")
@click.option(
    "-d", "--out-dir", type=options.FILE, metavar="DIR", help="The folder for several models."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, metavar="N",
    help="How many to convert at a time, with -d.",
)  # fmt: skip
@options.target_option(default="arm", show_default=True)
@options.lite_version_option
@options.library_option
@options.input_shape_option
@options.input_value_option
@options.external_data_option
@options.outputs_option
@click.option(
    "--input-layout", type=click.Choice(["nchw"]),
    help="Pictures come with their channels first.",
)  # fmt: skip
@click.option(
    "--quantize", type=click.Choice(["none", "int8", "int16", "mixed"]), default="none",
    metavar="MODE", help="Weights in fewer bits: int8, int16, mixed (see opt quantize -h).",
)  # fmt: skip
@quantization_options
@click.option("--no-verify", is_flag=True, help="Do not compare the file with the source.")
@click.option("--dry-run", is_flag=True, help="Do everything, but leave no file.")
@click.option(
    "--dump-passes", type=options.FILE, metavar="DIR",
    help="Write the graph to this folder after each pass.",
)  # fmt: skip
@click.option(
    "--visualize", type=options.FILE, metavar="HTML",
    help="Draw the graph on this page, before and after.",
)  # fmt: skip
@click.option(
    "--report", type=options.FILE, metavar="FILE", help="Write the report to this file, as JSON."
)
@click.pass_context
def convert_command(
    ctx: click.Context, /, models: tuple[Path, ...], out: Path | None, out_dir: Path | None,
    jobs: int, report: Path | None, as_json: bool, quiet: bool,
    debug: bool,  # noqa: ARG001
    **given: Any,
) -> None:  # fmt: skip
    """Convert MODEL to one Paddle Lite .nb file and verify it.

    MODEL is an ONNX, TFLite or .nb file, or a Caffe network with its WEIGHTS. The file is run
    on made inputs and must compute what the model computes in its own runtime; otherwise it is
    not left in place.
    """
    if (out is None) == (out_dir is None):
        raise click.UsageError("give either -o FILE for one model or -d DIR for several", ctx)
    if out is not None:
        if len(models) > 2:  # a Caffe model has two files
            raise click.UsageError("several models go into a folder: -d DIR", ctx)
        result = _convert(models, out, report, given, checksums=as_json, quiet=quiet)
        _print_conversion(result, quiet=quiet, as_json=as_json)
        return
    per_file = [name for name in PER_FILE if given[name] is not None]
    if per_file:
        raise click.UsageError(f"--{per_file[0].replace('_', '-')} goes with -o", ctx)
    assert out_dir is not None
    batch = _convert_all(ctx, models, out_dir, jobs, quiet=quiet)
    if report is not None:
        _write_report(report, batch)
    if not (quiet or as_json):
        print_table(("model", "result", "size", "seconds"), map(_outcome_row, batch.models))
    print_result(batch, _batch_summary(batch), as_json=as_json)
    ctx.exit(batch.exit_code)


for _option in convert_command.params:
    if _option.name in KEYS and isinstance(_option, click.Option):
        _option.hidden = True  # the help of opt quantize has them


def _convert(
    models: tuple[Path, ...],
    out: Path,
    report: Path | None,
    given: dict[str, Any],
    *,
    checksums: bool,
    quiet: bool,
) -> ConversionReport:
    from opt_tool.api.conversion import convert
    from opt_tool.api.given_arrays import read_values

    gc.freeze()  # what was imported stays: no collection has to go through it
    mode = given["quantize"]
    with progress(quiet=quiet) as on_stage:
        return convert(
            models[0], out, *models[1:], target=given["target"],
            lite_version=given["lite_version"], input_shapes=given["input_shapes"],
            input_values=read_values(given["input_values"]), outputs=given["outputs"],
            external_data=given["external_data"], input_layout=given["input_layout"],
            library=given["library"],
            quantization=None if mode == "none" else options_of(mode, given),
            verify=not given["no_verify"], dry_run=given["dry_run"],
            dump_passes=given["dump_passes"], visualize=given["visualize"], report=report,
            checksums=checksums, on_stage=on_stage,
        )  # fmt: skip


def _print_conversion(result: ConversionReport, *, quiet: bool, as_json: bool) -> None:
    if not quiet and not as_json:
        print_table(
            ("pass", "changes", "operators", "MACs saved", "activations saved"),
            [_row(summary) for summary in result.passes if summary.changes],
        )
        if result.quantization.layers:
            print_table(QUANTIZATION_COLUMNS, quantization_rows(result.quantization))
    print_warnings(result.warnings)
    print_result(result, conversion_lines(result), as_json=as_json)


# ---- several models


def _convert_all(
    ctx: click.Context, models: tuple[Path, ...], folder: Path, jobs: int, *, quiet: bool
) -> BatchReport:
    from opt_tool.api.loading import models_among
    from opt_tool.api.output_file import make_folder
    from opt_tool.cli.batch import Batch, common_arguments, tasks_of

    tasks = tasks_of(models_among(models), folder)
    make_folder(folder)
    arguments = common_arguments(ctx, given_arguments(ctx))
    with counting(len(tasks), "models", quiet=quiet) as on_done:
        return Batch(jobs).run(tasks, arguments, lambda outcome: on_done(outcome.path))


def _write_report(path: Path, batch: BatchReport) -> None:
    from opt_tool.api.output_file import write_text

    write_text(path, batch.to_json() + "\n")


def _outcome_row(outcome: Outcome) -> tuple[object, ...]:
    if outcome.report is None or outcome.exit_code != 0:
        lines = (outcome.error or "").splitlines()
        more = [f"({len(lines) - LISTED} more lines)"] if len(lines) > LISTED else []
        text = "\n".join([*lines[:LISTED], *more])
        return outcome.path, f"failed ({outcome.exit_code}): {text}", "", ""
    status = outcome.report["verification"]["status"]
    return (
        outcome.path,
        "not verified" if status == "skipped" else f"verification {status}",
        readable_bytes(outcome.report["output"]["bytes"]),
        f"{outcome.report['seconds']['total']:.1f}",
    )


def _batch_summary(batch: BatchReport) -> Iterator[str]:
    failed = [outcome for outcome in batch.models if outcome.exit_code != 0]
    yield (
        f"converted {len(batch.models) - len(failed)} of {counted(len(batch.models), 'model')}"
        + (f"; {len(failed)} failed" if failed else "")
    )


def _row(summary: PassSummary) -> tuple[object, ...]:
    """What one pass did; a size that the model leaves open is not shown."""
    saved = summary.activation_bytes_saved
    return (
        summary.name,
        summary.changes,
        f"{summary.ops_before} to {summary.ops_after}",
        "" if summary.macs_saved is None else summary.macs_saved,
        "" if saved is None else readable_bytes(saved),
    )


def conversion_lines(report: ConversionReport) -> Iterator[str]:
    """What a conversion came to."""
    output = report.output
    done = "would write" if output.path is None else f"wrote {output.path}:"
    yield (
        f"{done} {readable_bytes(output.bytes)}, {counted(output.ops, 'operator')} "
        f"(the source has {report.source.ops}), for {report.target}, "
        f"Paddle Lite {report.lite_version}"
    )
    if output.extra_operators:
        names = ", ".join(output.extra_operators)
        yield f"the runtime must be the with_extra build, for {names}"
    yield from quantization_lines(report.quantization)
    yield verification_line(report.verification)


def verification_line(verification: VerificationReport) -> str:
    """What the verification came to, in one line."""
    if verification.status == "skipped":
        return "not verified"
    if verification.min_sqnr_db is not None:
        return _drift_line(verification)
    if verification.file_errors:
        return _exact_line(verification)
    worst = _largest(verification.outputs)
    return (
        f"verification {verification.status}: largest difference from {verification.reference} "
        f"is {worst:.1e} of the output's scale (bound {verification.bound:g}, "
        f"{counted(verification.samples, 'sample')})"
    )


def _largest(differences: Iterable[Difference]) -> float:
    from opt_tool.api.difference import largest

    return largest(differences)


def _exact_line(verification: VerificationReport) -> str:
    """The verdict on a file and a reference that are apart."""
    return (
        f"verification {verification.status}: off by {_largest(verification.file_errors):.1e} of "
        f"the output's scale from what the source computes in float64, {verification.reference} "
        f"by {_largest(verification.reference_errors):.1e} (bound {verification.bound:g}, "
        f"{counted(verification.samples, 'sample')})"
    )


def _drift_line(verification: VerificationReport) -> str:
    """The two verdicts on a quantized file."""
    worst = _largest(verification.restored)
    kept = [output.sqnr_db for output in verification.outputs if output.sqnr_db is not None]
    drift = f"{min(kept):.1f} dB" if kept else "everything"
    return (
        f"verification {verification.status}: off by {worst:.1e} from the graph with restored "
        f"weights (bound {verification.bound:g}); against {verification.reference} the outputs "
        f"keep {drift} (at least {verification.min_sqnr_db:g} dB, "
        f"{counted(verification.samples, 'sample')})"
    )
