"""Weights pass through the memory one after the other, whatever the size of the model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import MAIN
from make_large_model import make_large_model

MEGABYTES = 256
ROOM = 160 << 20
"""Python with all its modules takes about 80 MB of it, one weight 16 MiB."""


@pytest.mark.skipif(sys.platform != "linux", reason="maximum resident sets are in kB on Linux only")
def test_a_conversion_holds_a_few_weights_at_a_time(tmp_path: Path) -> None:
    model = make_large_model(MEGABYTES, tmp_path)
    options = ("-o", str(tmp_path / "out.nb"), "--no-verify", "--quiet")
    command = [sys.executable, "-c", MAIN, "convert", str(model), *options]
    with subprocess.Popen(command) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert (tmp_path / "out.nb").stat().st_size > MEGABYTES << 20
    assert usage.ru_maxrss * 1024 < ROOM
