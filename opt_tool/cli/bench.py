"""``opt bench``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opt_tool.cli import options
from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import print_result, print_table

if TYPE_CHECKING:
    from opt_tool.api.benchmark import BenchmarkReport

EXAMPLE = """\
opt bench mobilenet.nb --repeat 20 --per-op
opt bench mobilenet.onnx --against onnxruntime --threads 2"""


@click.command("bench", cls=OptCommand, example=EXAMPLE)
@click.argument("file", type=options.FILE)
@options.threads_option
@click.option("--repeat", type=click.IntRange(1), default=10, show_default=True, help="Timed runs.")
@click.option("--per-op", is_flag=True, help="Time each operator as well.")
@click.option(
    "--against", type=click.Choice(["onnxruntime", "paddlelite"]),
    help="Time this backend in the same run, taking turns.",
)  # fmt: skip
def bench_command(
    file: Path,
    threads: int,
    repeat: int,
    per_op: bool,
    against: str | None,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Measure how long FILE takes in the NumPy runtime."""
    from opt_tool.api.benchmark import bench

    report = bench(file, threads=threads, repeat=repeat, per_op=per_op, against=against)
    if report.operators is not None and not (quiet or as_json):
        rows = [
            (row.op, row.count, f"{row.median_seconds * 1000:.2f}", f"{row.share:.1%}")
            for row in report.operators
        ]
        print_table(("operator", "count", "ms", "share"), rows)
    print_result(report, _summary(report), as_json=as_json)


def _summary(report: BenchmarkReport) -> Iterator[str]:
    yield (
        f"{report.backend}: {report.median_seconds * 1000:.2f} ms (median of {report.repeat}, "
        f"spread {report.spread:.0%}), threads: {report.threads}"
    )
    if report.against is not None:
        yield (
            f"{report.against.backend}: {report.against.median_seconds * 1000:.2f} ms "
            f"(spread {report.against.spread:.0%}); ratio {report.ratio:.2f}"
        )
