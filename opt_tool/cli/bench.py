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
    from opt_tool.api.benchmark import BenchmarkReport, OperatorTime

EXAMPLE = """\
opt bench mobilenet.nb --repeat 20 --per-op
opt bench mobilenet.onnx --against onnxruntime --threads 2"""


COLUMNS = ("operator", "count", "ms", "share", "GFLOP/s", "algorithms")


@click.command("bench", cls=OptCommand, example=EXAMPLE)
@options.model_arguments("file")
@options.threads_option
@click.option("--repeat", type=click.IntRange(1), default=10, show_default=True, help="Timed runs.")
@click.option("--per-op", is_flag=True, help="Time each operator as well.")
@click.option(
    "--against", type=click.Choice(["litert", "onnxruntime", "opencv", "paddlelite"]),
    help="Time this backend in the same run, taking turns.",
)  # fmt: skip
@options.input_shape_option
@options.conv_algorithm_option
@options.conv_policy_option
def bench_command(
    file: Path,
    weights: Path | None,
    threads: int,
    repeat: int,
    per_op: bool,
    against: str | None,
    input_shapes: dict[str, tuple[int, ...]],
    conv_algorithm: str | None,
    conv_policy: str,
    as_json: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001
) -> None:
    """Measure how long FILE takes in the NumPy runtime."""
    from opt_tool.api.benchmark import bench

    report = bench(
        file,
        weights,
        threads=threads,
        repeat=repeat,
        per_op=per_op,
        against=against,
        input_shapes=input_shapes,
        conv_algorithm=conv_algorithm,
        conv_policy=conv_policy,
    )
    if report.operators is not None and not (quiet or as_json):
        print_table(COLUMNS, map(_row, report.operators))
    print_result(report, _summary(report), as_json=as_json)


def _row(time: OperatorTime) -> tuple[object, ...]:
    return (
        time.op,
        time.count,
        f"{time.median_seconds * 1000:.2f}",
        f"{time.share:.1%}",
        None if time.gflops is None else f"{time.gflops:.1f}",
        ", ".join(f"{count} {name}" for name, count in time.algorithms.items()),
    )


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
