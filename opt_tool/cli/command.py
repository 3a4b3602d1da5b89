"""What all commands share: how errors end them, and their common options."""

from __future__ import annotations

import json
from typing import Any

import click

from opt_tool.api.memory_limit import limited_memory
from opt_tool.cli.memory_option import memory_limit, memory_option
from opt_tool.errors import OptError

ARGUMENTS, VERBOSE = f"{__name__}.arguments", f"{__name__}.verbose"
"""What a command's context notes of how it was called."""


class OptCommand(click.Command):
    """A command with an example in its help; turns errors into a line and an exit code.

    With ``--json`` the one object on standard output is the report that the error has, or
    else the error itself.
    """

    def __init__(self, name: str, *, example: str, **options: Any) -> None:  # click's own
        lines = "\n".join(f"  {line}" for line in example.splitlines())
        super().__init__(name, epilog=f"\b\nExample:\n{lines}", **options)
        self.params += [
            memory_option(),
            _json_option(),
            _quiet_option(),
            _verbose_option(),
            _debug_option(),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            with limited_memory(memory_limit(ctx)):
                return super().invoke(ctx)
        except OptError as error:
            if ctx.params["debug"]:
                import traceback

                traceback.print_exception(error)
            if ctx.params["as_json"]:
                click.echo(_error_json(error))
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


def _error_json(error: OptError) -> str:
    report = getattr(error, "report", None)
    if report is not None:
        text: str = report.to_json()
        return text
    kind = type(error).__name__.removesuffix("Error")
    facts = {"kind": kind, "message": str(error), "exit_code": error.exit_code}
    return json.dumps({"error": facts}, indent=2, ensure_ascii=False)


def _json_option() -> click.Option:
    return click.Option(
        ["--json", "as_json"],
        is_flag=True,
        help="Print one JSON object on standard output.",
    )


def _quiet_option() -> click.Option:
    return click.Option(["-q", "--quiet"], is_flag=True, help="Print no tables and no progress.")


def _verbose_option() -> click.Option:
    return click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_note_verbose,
        help="Print each stage and how long it takes.",
    )


def _note_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001
    ctx.meta[VERBOSE] = value


def is_verbose() -> bool:
    """Whether the command that runs was asked to print its stages."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(VERBOSE, False))


def given_arguments(ctx: click.Context) -> tuple[str, ...]:
    """The arguments of a command as they were typed."""
    arguments: tuple[str, ...] = ctx.meta[ARGUMENTS]
    return arguments


def _debug_option() -> click.Option:
    return click.Option(["--debug"], is_flag=True, help="Print the traceback of an error.")
