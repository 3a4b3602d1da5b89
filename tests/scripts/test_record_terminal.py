from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pages import DOCS
from record_terminal import COLUMNS, COMMANDS, Event, cast, lines_of, record, svg

PICTURES = DOCS / "pictures"


def texts(lines: list[Event]) -> list[str]:
    return [line.text for line in lines]


def test_what_the_real_tool_prints_is_recorded(tmp_path: Path) -> None:
    lines = lines_of(record(("opt --version", "opt list-ops --supported -q"), tmp_path))
    assert lines[0].text.endswith("opt --version")
    assert lines[1].text.startswith("opt, version ")
    assert any("onnx: " in text for text in texts(lines))
    seconds = [line.seconds for line in lines]
    assert seconds == sorted(seconds)


def test_a_command_that_fails_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        record(("opt inspect missing.onnx",), tmp_path)


def test_spinners_leave_nothing_behind() -> None:
    spun = "\x1b[?25l⠋ read\r\x1b[2K⠙ read\r\n\x1b[1A\x1b[2K\x1b[?25h\x1b[1mpass\x1b[0m\r\nend\r\n"
    assert texts(lines_of([Event(1.0, spun)])) == ["\x1b[1mpass\x1b[0m", "end"]


def test_long_lines_are_broken_as_a_terminal_does() -> None:
    lines = lines_of([Event(1.0, "x" * (COLUMNS + 5) + "\r\n")])
    assert [len(text) for text in texts(lines)] == [COLUMNS, 5]


def test_the_picture_shows_every_line_at_its_time() -> None:
    lines = [Event(0.5, "first <&>"), Event(2.25, "second")]
    picture = svg(lines)
    ET.fromstring(picture)
    assert sorted(set(re.findall(r"animation-delay:([\d.]+)s", picture))) == ["0.50", "2.25"]
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_the_cast_is_what_asciinema_plays() -> None:
    head, row = (json.loads(line) for line in cast([Event(0.5, "text")]).splitlines())
    assert (head["version"], head["width"]) == (2, COLUMNS)
    assert row == [0.5, "o", "text\r\n"]


def test_the_pictures_in_the_docs_are_of_these_commands() -> None:
    played = (PICTURES / "terminal.cast").read_text(encoding="utf-8")
    assert [command for command in COMMANDS if command not in played] == []
    assert "verification passed" in played
    assert (PICTURES / "terminal.svg").is_file()
