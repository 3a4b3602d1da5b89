from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from command_line import opt
from opt_tool.cli.app import cli
from opt_tool.cli.options import LITE_VERSIONS, TARGETS
from opt_tool.targets import LiteVersion, Target

COMMANDS = tuple(sorted(cli.commands))
SCREEN = os.terminal_size((80, 24))
START_SECONDS = 0.5
"""Of the processor: several times what it takes, since other machines are slower."""


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
def test_the_help_of_each_command_fits_two_screens(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(SCREEN.columns))
    lines = opt(command, "--help").stdout.splitlines()
    assert len(lines) <= 2 * SCREEN.lines
    assert max(map(len, lines)) <= SCREEN.columns


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
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        user = after.children_user - before.children_user
        seconds.append(user + after.children_system - before.children_system)
    assert min(seconds) < START_SECONDS
