"""``opt doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from opt_tool.cli.command import OptCommand
from opt_tool.cli.printing import print_result, print_table

if TYPE_CHECKING:
    from opt_tool.api.doctor import DoctorReport

EXAMPLE = """\
opt doctor
opt doctor --json"""

UNSUPPORTED = 3
COLUMNS = ("what", "found", "for", "how to get it")


@click.command("doctor", cls=OptCommand, example=EXAMPLE)
@click.pass_context
def doctor_command(
    ctx: click.Context, /, as_json: bool, quiet: bool, debug: bool  # noqa: ARG001
) -> None:  # fmt: skip
    """Show what opt finds here and how to get what is missing.

    Exit code 3 when something is missing that opt cannot do without.
    """
    from opt_tool.api.doctor import diagnose

    report = diagnose()
    if not (quiet or as_json):
        print_table(COLUMNS, _rows(report))
    print_result(report, _summary(report), as_json=as_json)
    ctx.exit(0 if report.status == "ok" else UNSUPPORTED)


def _rows(report: DoctorReport) -> Iterator[tuple[object, ...]]:
    for check in report.checks:
        found = check.version if check.status == "ok" else f"{check.version or ''} {check.status}"
        yield check.name, str(found).strip(), check.purpose, check.install or ""


def _summary(report: DoctorReport) -> Iterator[str]:
    yield f"opt {report.tool_version}, {report.python}, {report.platform}"
    bad = [check for check in report.checks if check.required and check.status != "ok"]
    missing = [check for check in report.checks if not check.required and check.status != "ok"]
    for check in bad:
        yield f"{check.name} is {check.status}: {check.install}"
    if not bad:
        yield f"all that is required is there; {len(missing)} optional things are missing"
