from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import MAIN, opt
from small_models import classifier

SLOW = """
import time
from opt_tool.api import conversion
write = conversion._write
def slow(request, part, watch):
    with watch.stage("read"):
        time.sleep(2)
    return write(request, part, watch)
conversion._write = slow
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


def on_a_terminal(code: str, *arguments: object, **variables: str) -> str:
    """What a process writes to a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code + MAIN, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **variables},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_a_terminal_shows_the_stage_after_a_second(tmp_path: Path, model: Path) -> None:
    shown = on_a_terminal(SLOW, "convert", model, "-o", tmp_path / "a.nb")
    assert "read" in shown
    assert "0:00:01" in shown


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_no_progress_is_shown_where_none_is_wanted(
    tmp_path: Path, model: Path, option: str
) -> None:
    shown = on_a_terminal(SLOW, "convert", model, "-o", tmp_path / "a.nb", option)
    assert ("0:00:01" in shown) == (option == "--json")


def test_no_color_is_honoured(tmp_path: Path, model: Path) -> None:
    colored = on_a_terminal(SLOW, "convert", model, "-o", tmp_path / "a.nb")
    plain = on_a_terminal(SLOW, "convert", model, "-o", tmp_path / "a.nb", NO_COLOR="1")
    codes = ("\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[38;")
    assert any(code in colored for code in codes)
    assert not any(code in plain for code in codes)


def test_verbose_prints_each_stage_with_its_seconds(tmp_path: Path, model: Path) -> None:
    result = opt("convert", model, "-o", tmp_path / "a.nb", "-v")
    stages = [line.split()[-1] for line in result.stderr.splitlines() if " s  " in line]
    assert stages == ["read", "passes", "write", "verify"]


def test_without_a_terminal_nothing_moves(tmp_path: Path, model: Path) -> None:
    result = opt("convert", model, "-o", tmp_path / "a.nb")
    assert "\x1b" not in result.stderr
    assert "read" not in result.stderr.split()
