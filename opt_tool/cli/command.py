"""What all commands share: how errors end them, and their common options."""

from __future__ import annotations

import json
import traceback
from typing import Any

import click

from opt_tool.errors import OptError

INTERRUPTED = 130


class OptCommand(click.Command):
    """A command with an example in its help; turns errors into a line and an exit code.

    With ``--json`` the one object on standard output is the report that the error has, or
    else the error itself.
    """

    def __init__(self, name: str, *, example: str, **options: Any) -> None:  # click's own
        lines = "\n".join(f"  {line}" for line in example.splitlines())
        super().__init__(name, epilog=f"\b\nExample:\n{lines}", **options)
        self.params += [_json_option(), _quiet_option(), _debug_option()]

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except OptError as error:
            if ctx.params["debug"]:
                traceback.print_exception(error)
            if ctx.params["as_json"]:
                click.echo(_error_json(error))
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Interrupted: no file was written", err=True)
            ctx.exit(INTERRUPTED)


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
        help="Print one JSON object on standard output and nothing else there.",
    )


def _quiet_option() -> click.Option:
    return click.Option(["-q", "--quiet"], is_flag=True, help="Print no tables and no progress.")


def _debug_option() -> click.Option:
    return click.Option(["--debug"], is_flag=True, help="Print the traceback of an error.")
