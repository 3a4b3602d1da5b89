"""The option that limits memory, which every command has."""

from __future__ import annotations

import re
from typing import Any

import click

from opt_tool.api.memory_limit import default_limit

MEMORY_KEY = f"{__name__}.limit"
SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30}


def memory_limit(ctx: click.Context) -> int | None:
    """The bytes that a command may take."""
    limit: int | None = ctx.meta[MEMORY_KEY]
    return limit


class MemoryType(click.ParamType):  # type: ignore[type-arg]  # only click 8.5 has any
    """``4G``, ``500M``, or a number of bytes; ``none`` for no limit."""

    name = "SIZE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        if value is None or isinstance(value, int):
            return value
        text = str(value).lower()
        if text == "none":
            return None
        found = re.fullmatch(r"(\d+)([kmg]?)", text)
        if found is None or int(found[1]) == 0:
            self.fail(f"{value!r} is not of the form 4G, 500M or none", param, ctx)
        return int(found[1]) << SHIFTS[found[2]]


def memory_option() -> click.Option:
    """``--max-memory``; its value is kept in the context."""
    return click.Option(
        ["--max-memory"],
        type=MemoryType(),
        default=default_limit,
        expose_value=False,
        callback=_keep_limit,
        help="Refuse what needs more memory, such as 4G; by default 80 % of the machine's.",
    )


def _keep_limit(ctx: click.Context, param: click.Parameter, value: int | None) -> None:  # noqa: ARG001
    ctx.meta[MEMORY_KEY] = value
