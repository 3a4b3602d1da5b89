from __future__ import annotations

from pathlib import Path

import pytest

from make_screenshots import HEIGHT, PICTURES, SHOTS, WIDTH, take

pytestmark = pytest.mark.browser
MOST_BYTES = 300_000


def size(png: Path) -> tuple[int, int]:
    """The width and height in a PNG's head."""
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_the_script_takes_every_picture_of_the_docs(tmp_path: Path) -> None:
    for path in take(tmp_path):
        width, height = size(path)
        assert width == WIDTH
        assert HEIGHT - 200 < height <= HEIGHT
        assert path.stat().st_size > 20_000, "it is blank"


def test_the_docs_have_the_pictures() -> None:
    for shot in SHOTS:
        assert size(PICTURES / shot.name)[0] == WIDTH
        assert (PICTURES / shot.name).stat().st_size < MOST_BYTES
