"""Runs the command line inside of the test's process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result

from opt_tool.cli.app import cli

MAIN = "from opt_tool.cli import main; main()"


def opt(*arguments: object) -> Result:
    """What ``opt`` prints and its exit code; a fault of ours is raised."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="opt")


def opt_json(*arguments: object) -> dict[str, Any]:
    """The JSON object that a command prints, which must be all of its output."""
    result = opt(*arguments, "--json")
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def opt_process(
    *arguments: object, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``opt`` in a process of its own."""
    command = [sys.executable, "-c", MAIN, *map(str, arguments)]
    environment = {**os.environ, **({} if variables is None else variables)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
