"""Record the real tool in a terminal: docs/pictures/terminal.svg and terminal.cast.

Usage: .venv/bin/python scripts/record_terminal.py [--out FOLDER]

The .cast file is asciinema's (version 2); the picture plays the same lines by CSS.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import ioctl
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
MODEL = ROOT / "tests" / "data" / "fmnist_mbv2s.onnx"
COLUMNS, ROWS = 104, 60
TYPING_SECONDS = 0.9
PAUSE_SECONDS = 1.2
COMMANDS = (
    "opt convert fmnist_mbv2s.onnx -o fmnist.nb",
    "opt quantize fmnist_mbv2s.onnx -o small.nb --no-calib --bits 8 -q",
    "opt list-ops fmnist_mbv2s.onnx",
    "opt verify fmnist_mbv2s.onnx fmnist.nb",
)
MAIN = "from opt_tool.cli import main; main()"
PROMPT = "\x1b[1;32m$\x1b[0m "
LONGEST_WAIT = 1.5
"""Waits are cut to this, as asciinema's ``--idle-time-limit`` does."""

RESTART = re.compile(r"\r|\x1b\[2K")
"""Where a line begins anew, as that of the spinner does: what stood there is gone."""

UP = "\x1b[1A"
"""How a spinner that has ended goes back to the line where it stood."""

CURSOR = re.compile(r"\x1b\[\??[0-9;]*[A-HJKSTfhlnsu]")
"""Whatever else moves or hides the cursor; colours stay."""

LINE_OF_TEXT = re.compile(
    r'<text class="(?P<classes>[^"]*)"(?=[^>]*clip-path="url\(#opt-line-(?P<line>\d+)\)")'
)


@dataclass(frozen=True)
class Event:
    """What appeared in the terminal, and when."""

    seconds: float
    text: str


def record(commands: tuple[str, ...], folder: Path) -> list[Event]:
    """Run the commands in a folder and note what a terminal would show."""
    events: list[Event] = []
    clock = 0.5
    for command in commands:
        events.append(Event(clock, PROMPT + command + "\r\n"))
        clock += TYPING_SECONDS
        start = clock
        for seconds, text in _output(command, folder):
            clock = min(start + seconds, clock + LONGEST_WAIT)
            events.append(Event(clock, text))
        clock += PAUSE_SECONDS
    return events


def _output(command: str, folder: Path) -> Iterator[tuple[float, str]]:
    """What one command prints in a terminal of its own, with the seconds since its start."""
    _, *arguments = shlex.split(command)
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env=environment,
        stdin=side,
        stdout=side,
        stderr=side,
    )
    os.close(side)
    for text in _chunks(main):
        yield time.monotonic() - start, text
    os.close(main)
    if process.wait() != 0:
        raise subprocess.CalledProcessError(process.returncode, command)


def _chunks(descriptor: int) -> Iterator[str]:
    """What comes out of a terminal until nobody writes to it any more."""
    pending = b""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other side is closed
            data = b""
        whole, _, pending = (pending + data).rpartition(b"\n") if data else (pending, b"", b"")
        if whole:
            yield whole.decode("utf-8") + ("\n" if data else "")
        if not data:
            return


def lines_of(events: list[Event]) -> list[Event]:
    """One event for each line that is left in the end."""
    found: list[Event] = []
    for event in events:
        for line in event.text.replace("\r\n", "\n").split("\n"):
            if UP in line and found:
                found.pop()
            left = CURSOR.sub("", RESTART.split(line)[-1])
            found += [Event(event.seconds, row) for row in _rows(left)]
    return found


def _rows(line: str) -> list[str]:
    """A line as a terminal breaks it; the ones in colour are short."""
    if "\x1b" in line:
        return [line]
    return [line[i : i + COLUMNS] for i in range(0, len(line.rstrip()), COLUMNS)]


def cast(lines: list[Event]) -> str:
    """The recording for asciinema."""
    head = {"version": 2, "width": COLUMNS, "height": len(lines) + 1, "title": "opt"}
    rows = [[round(line.seconds, 2), "o", line.text + "\r\n"] for line in lines]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [head, *rows])


def svg(lines: list[Event]) -> str:
    """The recording as a picture whose lines appear one after the other."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(line.text), soft_wrap=True)
    still = console.export_svg(title="opt", theme=DIMMED_MONOKAI, unique_id="opt")
    still = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", still, flags=re.DOTALL)  # no links
    return _animated(still, lines)


def _animated(still: str, lines: list[Event]) -> str:
    """Let each line appear at its time; without animations all are there."""
    style = (
        "@keyframes appear { from { opacity: 0 } to { opacity: 1 } }\n"
        "@media (prefers-reduced-motion: no-preference) {\n"
        "  .late { animation: appear .2s both }\n}\n"
    )
    moving = still.replace("</style>", style + "</style>", 1)

    def late(match: re.Match[str]) -> str:
        seconds = lines[int(match["line"])].seconds
        return f'<text style="animation-delay:{seconds:.2f}s" class="late {match["classes"]}"'

    return LINE_OF_TEXT.sub(late, moving)


def main() -> None:
    """Record, and write both files."""
    parser = argparse.ArgumentParser(description="Record the real tool in a terminal.")
    parser.add_argument("--out", type=Path, default=PICTURES)
    folder: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory(prefix="opt-recording-") as work:
        shutil.copy(MODEL, work)
        lines = lines_of(record(COMMANDS, Path(work)))
    (folder / "terminal.cast").write_text(cast(lines), encoding="utf-8")
    (folder / "terminal.svg").write_text(svg(lines), encoding="utf-8")
    print(folder / "terminal.svg")


if __name__ == "__main__":
    main()
