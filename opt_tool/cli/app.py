"""The ``opt`` command: its group, and what happens when something goes wrong in it."""

from __future__ import annotations

import atexit
import gc
import shlex
import sys
from types import TracebackType

import click

from opt_tool._version import __version__
from opt_tool.cli.bench import bench_command
from opt_tool.cli.completion import completion_command
from opt_tool.cli.convert import convert_command
from opt_tool.cli.doctor import doctor_command
from opt_tool.cli.inspect import inspect_command
from opt_tool.cli.interruption import Interruption
from opt_tool.cli.list_ops import list_ops_command
from opt_tool.cli.quantize import quantize_command
from opt_tool.cli.run import run_command
from opt_tool.cli.upstream_flags import is_upstream, modern_arguments
from opt_tool.cli.verify import verify_command
from opt_tool.cli.visualize import visualize_command
from opt_tool.errors import OptError

EPILOG = """\b
Exit codes: 0 done, 2 wrong usage, 3 something is not supported, 4 verification
failed, 5 an input file is damaged, 6 a file could not be read or written.

Example: opt convert model.onnx -o model.nb"""


class OptGroup(click.Group):
    """The commands; understands the flags of Paddle Lite's own opt as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if is_upstream(args):
            try:
                args = modern_arguments(args)
            except OptError as error:
                click.echo(f"Error: {error}", err=True)
                ctx.exit(error.exit_code)
            click.echo(f"The same in this opt's words: opt {shlex.join(args)}", err=True)
        return super().parse_args(ctx, args)


@click.group(
    cls=OptGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    commands={
        command.name: command
        for command in (
            convert_command,
            quantize_command,
            run_command,
            list_ops_command,
            inspect_command,
            verify_command,
            bench_command,
            visualize_command,
            doctor_command,
            completion_command,
        )
        if command.name is not None
    },
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="opt")
def cli() -> None:
    """Convert models to verified Paddle Lite .nb files."""


def main() -> None:
    """Run the command line; never shows a traceback unless --debug asks for it."""
    interruption = Interruption()
    interruption.watch()
    atexit.register(gc.freeze)  # going through all objects at the end would take 0.1 s
    if "--debug" not in sys.argv:
        sys.excepthook = _report_fault
    try:
        cli(prog_name="opt")
    except ImportError:
        if interruption.code is None:
            raise
        sys.exit(interruption.code)  # native modules make this of an interrupt while they load


def _report_fault(
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,  # noqa: ARG001
) -> None:
    """One sentence about a fault of ours; Python then ends with exit code 1."""
    click.echo(
        f"Error: opt has a fault ({kind.__name__}: {error}). Please report it with the output of "
        "the same command with --debug",
        err=True,
    )
