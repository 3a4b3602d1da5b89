from __future__ import annotations

import subprocess
import sys
import time

import click
import pytest

from command_line import opt
from opt_tool.cli.app import cli
from opt_tool.cli.options import LITE_VERSIONS, TARGETS
from opt_tool.targets import LiteVersion, Target

COMMANDS = tuple(sorted(cli.commands))
START_SECONDS = 0.75
"""Three times what it may take on a machine that does nothing else."""


def test_the_help_lists_the_commands_and_exit_codes() -> None:
    result = opt("--help")
    assert result.exit_code == 0
    assert all(f"  {command} " in result.stdout for command in COMMANDS)
    assert "..." not in result.stdout.partition("Commands:")[2], "a first line is cut"
    assert "4 verification" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_examples(command: str) -> None:
    result = opt(command, "--help")
    assert result.exit_code == 0
    assert f"  opt {command} " in result.stdout.partition("Example:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    options = [param for param in cli.commands[command].params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_version_is_printed() -> None:
    assert opt("--version").stdout.startswith("opt, version ")


def test_the_options_know_all_targets_and_versions() -> None:
    assert list(TARGETS) == [target.value for target in Target]
    assert list(LITE_VERSIONS) == [version.value for version in LiteVersion]


def test_the_help_starts_fast() -> None:
    command = [sys.executable, "-c", "from opt_tool.cli import main; main()", "--help"]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < START_SECONDS
