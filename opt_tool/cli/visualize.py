"""``opt visualize``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import counted, print_result, readable_bytes

if TYPE_CHECKING:
    from opt_tool.api.visualization import VisualizationReport

EXAMPLE = """\
opt visualize mobilenet.nb -o graph.html
opt visualize net.onnx -o net.html --target arm --input-shape x=1,3,320,320
opt visualize deploy.prototxt net.caffemodel -o graph.dot"""


@click.command("visualize", cls=OptCommand, example=EXAMPLE)
@click.argument("file", type=options.FILE)
@click.argument("weights", type=options.FILE, required=False)
@click.option(
    "-o", "--out", type=options.FILE, required=True, help="The .html, .svg or .dot file to write."
)
@options.target_option()
@options.lite_version_option
@options.input_shape_option
def visualize_command(
    file: Path,
    weights: Path | None,
    out: Path,
    target: str | None,
    lite_version: str,
    input_shapes: dict[str, tuple[int, ...]],
    as_json: bool,
    quiet: bool,  # noqa: ARG001
    debug: bool,  # noqa: ARG001
) -> None:
    """Draw the graph of FILE: a page to look around in, or a picture.

    The page needs nothing but a browser. With --target a source model is drawn as it would be
    written for that target; `opt convert --visualize` shows both side by side.
    """
    from opt_tool.api.visualization import visualize

    report = visualize(
        file, out, weights, target=target, lite_version=lite_version, input_shapes=input_shapes
    )
    print_result(report, _summary(report), as_json=as_json)


def _summary(report: VisualizationReport) -> Iterator[str]:
    yield (
        f"wrote {report.output}: {readable_bytes(report.bytes)}, "
        f"{counted(report.nodes, 'node')} and {counted(report.arrows, 'arrow')}"
    )
