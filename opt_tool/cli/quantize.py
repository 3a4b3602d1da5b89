"""``opt quantize``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.convert import conversion_lines
from opt_tool.cli.printing import print_result, print_table, print_warnings, progress
from opt_tool.cli.quantization_options import (
    QUANTIZATION_COLUMNS,
    options_of,
    quantization_options,
    quantization_rows,
)
from opt_tool.cli.sample_options import sample_options

EXAMPLE = """\
opt quantize mobilenet.onnx -o mobilenet.nb --no-calib --bits 8
opt quantize float.nb -o small.nb --no-calib --bits mixed --max-error 35
opt quantize float.nb -o small.nb --no-calib --samples photos --plot w.svg"""


@click.command("quantize", cls=OptCommand, example=EXAMPLE)
@options.model_arguments()
@click.option("-o", "--out", type=options.FILE, required=True, help="The .nb file to write.")
@click.option(
    "--no-calib", is_flag=True, required=True, expose_value=False,
    help="Choose scales from the weights.",
)  # fmt: skip
@click.option(
    "--bits", default="8", show_default=True, metavar="BITS",
    help="8, 16, mixed; or 2 to 15 to try.",
)  # fmt: skip
@options.target_option()
@options.lite_version_option
@options.input_shape_option
@quantization_options
@sample_options
@click.option(
    "--plot",
    type=options.FILE,
    metavar="FILE",
    help="Draw sizes and errors, as .png or .svg.",
)
@click.option("--no-verify", is_flag=True, help="Do not compare the file with the source.")
@click.option("--report", type=options.FILE, help="Write the report to this file, as JSON.")
def quantize_command(
    model: Path, weights: Path | None, out: Path, bits: str, target: str | None,
    lite_version: str, input_shapes: dict[str, tuple[int, ...]], no_verify: bool,
    report: Path | None, plot: Path | None, as_json: bool, quiet: bool, debug: bool,  # noqa: ARG001
    **given: Any,
) -> None:  # fmt: skip
    """Write MODEL as a .nb file with its weights in fewer bits.

    MODEL is anything that opt converts, or a .nb file with float weights.
    """
    from opt_tool.api.quantization import mode_of_bits
    from opt_tool.api.quantization_plot import check_plot, plot_quantization
    from opt_tool.api.quantized_conversion import quantize
    from opt_tool.api.samples import skipped_warnings

    if plot is not None:
        check_plot(plot)

    mode, width = mode_of_bits(bits)
    with progress(quiet=quiet) as on_stage:
        result = quantize(
            model, out, weights, options=options_of(mode, given, width), target=target,
            lite_version=lite_version, input_shapes=input_shapes, verify=not no_verify,
            report=report, checksums=as_json, on_stage=on_stage,
        )  # fmt: skip
    if not quiet and not as_json:
        print_table(QUANTIZATION_COLUMNS, quantization_rows(result.quantization))
    if plot is not None:
        plot_quantization(result.quantization, plot)
    skipped = () if given["samples"] is None else skipped_warnings(given["samples"])
    print_warnings((*result.warnings, *skipped))
    print_result(result, conversion_lines(result), as_json=as_json)
