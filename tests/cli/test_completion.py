from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from command_line import MAIN, opt, opt_json
from opt_tool.cli.completion import SHELLS, VARIABLE


@pytest.mark.parametrize("shell", SHELLS)
def test_prints_a_script_that_asks_opt_for_completions(shell: str) -> None:
    result = opt("completion", shell)
    assert result.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in result.stdout
    assert opt_json("completion", shell)["shell"] == shell


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shells_understand_the_scripts(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = opt("completion", shell).stdout
    result = subprocess.run(
        [shell, "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("opt con", "1", {"plain,convert"}),
        ("opt convert a.onnx --lite", "3", {"plain,--lite-version"}),
        ("opt convert a.onnx --target ", "4", {"plain,arm", "plain,x86"}),
    ],
)
def test_completes_commands_options_and_values(
    words: str, position: str, expected: set[str]
) -> None:
    variables = {VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position}
    result = subprocess.run(
        [sys.executable, "-c", MAIN],
        capture_output=True, text=True, check=False, env={**os.environ, **variables},
    )  # fmt: skip
    assert set(result.stdout.split()) == expected
