from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from command_line import MAIN
from small_models import classifier

NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        sys.stderr.write(f"network: {event} {arguments}\\n")
        sys.exit(77)
sys.addaudithook(refuse)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "model.onnx", "-o", "out.nb"),
        ("list-ops", "model.onnx"),
        ("inspect", "model.onnx"),
    ],
    ids=lambda x: x[0],
)
def test_nothing_asks_the_network(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    classifier(tmp_path / "model.onnx")
    command = [sys.executable, "-c", NO_NETWORK + MAIN, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_test_would_see_it() -> None:
    ask = "import socket; socket.getaddrinfo('localhost', 80)"
    command = [sys.executable, "-c", NO_NETWORK + ask]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 77
