"""Weights pass through the memory one after the other, whatever the size of the model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from command_line import opt_process
from make_large_model import make_large_model

MEGABYTES = 256
ROOM = 160 << 20
"""Python with all its modules takes about 80 MB of it, one weight 16 MiB."""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are given back on Linux only")
def test_a_conversion_holds_a_few_weights_at_a_time(tmp_path: Path) -> None:
    model = make_large_model(MEGABYTES, tmp_path)
    result = opt_process("convert", model, "-o", tmp_path / "out.nb", "--no-verify", "--json")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out.nb").stat().st_size > MEGABYTES << 20
    assert json.loads(result.stdout)["peak_rss_bytes"] < ROOM
