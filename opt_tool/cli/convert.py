"""``opt convert``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    readable_bytes,
)
from opt_tool.cli.quantization_options import (
    QUANTIZATION_COLUMNS,
    options_of,
    quantization_lines,
    quantization_options,
    quantization_rows,
)

if TYPE_CHECKING:
    from opt_tool.api.difference import Difference
    from opt_tool.api.report import ConversionReport, PassSummary, VerificationReport

EXAMPLE = """\
opt convert mobilenet.onnx -o mobilenet.nb
opt convert detector.onnx -o detector.nb --target x86 --input-shape images=1,3,320,320
opt convert deploy.prototxt net.caffemodel -o net.nb"""


@click.command("convert", cls=OptCommand, example=EXAMPLE)
@options.model_arguments()
@click.option("-o", "--out", type=options.FILE, required=True, help="The .nb file to write.")
@options.target_option(default="arm", show_default=True)
@options.lite_version_option
@options.input_shape_option
@options.input_value_option
@options.outputs_option
@click.option(
    "--input-layout", type=click.Choice(["nchw"]),
    help="Feed pictures with the channels first that MODEL takes with the channels last.",
)  # fmt: skip
@click.option(
    "--quantize", type=click.Choice(["none", "int8", "int16", "mixed"]), default="none",
    show_default=True, help="Store weights in fewer bits; needs no data.",
)  # fmt: skip
@quantization_options
@click.option("--no-verify", is_flag=True, help="Do not compare the file with the source.")
@click.option("--dry-run", is_flag=True, help="Do everything, but leave no file.")
@click.option(
    "--dump-passes", type=options.FILE, metavar="DIR",
    help="Write the graph to this folder after each pass, as text.",
)  # fmt: skip
@click.option(
    "--visualize", type=options.FILE, metavar="HTML",
    help="Draw the graph on this page, before and after.",
)  # fmt: skip
@click.option("--report", type=options.FILE, help="Write the report to this file, as JSON.")
def convert_command(
    model: Path,
    weights: Path | None,
    out: Path,
    target: str,
    lite_version: str,
    input_shapes: dict[str, tuple[int, ...]],
    input_values: dict[str, tuple[float, ...] | Path],
    outputs: tuple[str, ...],
    input_layout: str | None,
    quantize: str,
    no_verify: bool,
    dry_run: bool,
    dump_passes: Path | None,
    visualize: Path | None,
    report: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
    **given: Any,
) -> None:
    """Convert MODEL to one Paddle Lite .nb file and verify it.

    MODEL is an ONNX model, a .nb file, or a Caffe network with its WEIGHTS, in either order.
    The file is run on inputs made from a fixed seed and must compute what onnxruntime (for
    Caffe: OpenCV, where it is installed) computes on MODEL; otherwise it is not left in place.
    """
    from opt_tool.api.conversion import convert
    from opt_tool.api.run_files import read_values

    with progress(quiet=quiet) as on_stage:
        result = convert(
            model, out, weights, target=target, lite_version=lite_version,
            input_shapes=input_shapes, input_values=read_values(input_values),
            outputs=outputs, input_layout=input_layout,
            quantization=None if quantize == "none" else options_of(quantize, given),
            verify=not no_verify, dry_run=dry_run,
            dump_passes=dump_passes, visualize=visualize, report=report, on_stage=on_stage,
        )  # fmt: skip
    if not quiet and not as_json:
        print_table(
            ("pass", "changes", "operators", "MACs saved", "activations saved"),
            [_row(summary) for summary in result.passes if summary.changes],
        )
        if result.quantization.layers:
            print_table(QUANTIZATION_COLUMNS, quantization_rows(result.quantization))
    print_warnings(result.warnings)
    print_result(result, conversion_lines(result), as_json=as_json)


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
    worst = largest(verification.outputs)
    return (
        f"verification {verification.status}: largest difference from {verification.reference} "
        f"is {worst:.1e} of the output's scale (bound {verification.bound:g}, "
        f"{counted(verification.samples, 'sample')})"
    )


def largest(differences: Iterable[Difference]) -> float:
    """The largest difference, of the scale of its tensor."""
    return max((difference.max_rel_error or 0.0 for difference in differences), default=0.0)


def _exact_line(verification: VerificationReport) -> str:
    """The verdict on a file and a reference that are apart."""
    return (
        f"verification {verification.status}: off by {largest(verification.file_errors):.1e} of "
        f"the output's scale from what the source computes in float64, {verification.reference} "
        f"by {largest(verification.reference_errors):.1e} (bound {verification.bound:g}, "
        f"{counted(verification.samples, 'sample')})"
    )


def _drift_line(verification: VerificationReport) -> str:
    """The two verdicts on a quantized file."""
    worst = largest(verification.restored)
    kept = [output.sqnr_db for output in verification.outputs if output.sqnr_db is not None]
    drift = f"{min(kept):.1f} dB" if kept else "everything"
    return (
        f"verification {verification.status}: off by {worst:.1e} from the graph with restored "
        f"weights (bound {verification.bound:g}); against {verification.reference} the outputs "
        f"keep {drift} (at least {verification.min_sqnr_db:g} dB, "
        f"{counted(verification.samples, 'sample')})"
    )
