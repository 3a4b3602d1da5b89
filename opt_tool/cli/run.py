"""``opt run``."""

from __future__ import annotations

from pathlib import Path

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import print_result, print_table, readable_shape

EXAMPLE = """\
opt run mobilenet.nb --input image=image.npy --output-dir results
opt run net.onnx --input image.npy --output-dir out --backend onnxruntime"""


@click.command("run", cls=OptCommand, example=EXAMPLE)
@options.model_arguments("file")
@options.input_option
@click.option(
    "--output-dir", type=options.FILE, required=True, metavar="DIR",
    help="The folder for the outputs, one .npy file each; it is made if it is not there.",
)  # fmt: skip
@click.option(
    "--backend", type=click.Choice(["litert", "numpy", "onnxruntime", "opencv", "paddlelite"]),
    default="numpy", show_default=True, help="What runs the model.",
)  # fmt: skip
@options.threads_option
@options.conv_algorithm_option
@options.conv_policy_option
def run_command(
    file: Path,
    weights: Path | None,
    inputs: dict[str, Path],
    output_dir: Path,
    backend: str,
    threads: int,
    conv_algorithm: str | None,
    conv_policy: str,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Run FILE on arrays from NumPy files.

    The outputs are written as NumPy files too.
    """
    from opt_tool.api.run_files import run_files

    report = run_files(
        file,
        inputs,
        output_dir,
        weights=weights,
        backend=backend,
        threads=threads,
        conv_algorithm=conv_algorithm,
        conv_policy=conv_policy,
    )
    if not (quiet or as_json):
        rows = [(o.name, o.dtype, readable_shape(o.shape), o.file) for o in report.outputs]
        print_table(("output", "type", "shape", "file"), rows)
    summary = [f"ran {report.path} with {report.backend} in {report.seconds:.3f} s"]
    print_result(report, [*summary, *(f"wrote {o.file}" for o in report.outputs)], as_json=as_json)
