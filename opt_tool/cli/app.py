"""The ``opt`` command: its group, and what happens when something goes wrong in it."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import click

from opt_tool._version import __version__
from opt_tool.cli import INTERRUPTED
from opt_tool.cli.interruption import Interruption
from opt_tool.cli.upstream_flags import is_upstream, modern_arguments
from opt_tool.errors import OptError

EPILOG = """\b
Exit codes: 0 done, 2 wrong usage, 3 something is not supported, 4 verification
failed, 5 an input file is damaged, 6 a file could not be read or written.

Example: opt convert model.onnx -o model.nb"""


MODULES = (
    "bench",
    "completion",
    "convert",
    "doctor",
    "inspect",
    "list_ops",
    "quantize",
    "run",
    "verify",
    "visualize",
)
"""The modules of the commands."""


class Commands(Mapping[str, click.Command]):
    """The commands by their names, each imported when it is asked for."""

    def __init__(self) -> None:
        self._modules = {module.replace("_", "-"): module for module in MODULES}

    def __getitem__(self, name: str) -> click.Command:
        module = self._modules[name]
        command = getattr(importlib.import_module(f"opt_tool.cli.{module}"), f"{module}_command")
        assert isinstance(command, click.Command), "a module has its command"
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class OptGroup(click.Group):
    """The commands; understands the flags of Paddle Lite's own opt as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if is_upstream(args):
            import shlex

            try:
                args = modern_arguments(args)
            except OptError as error:
                click.echo(f"Error: {error}", err=True)
                ctx.exit(error.exit_code)
            click.echo(f"The same in this opt's words: opt {shlex.join(args)}", err=True)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # while the command is imported, too
            click.echo("Interrupted: nothing half done was left", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=OptGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=Commands(),
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
