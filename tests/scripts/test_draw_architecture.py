from __future__ import annotations

import xml.etree.ElementTree as ET

from draw_architecture import HEIGHT, PARTS, PICTURE, WIDTH, picture
from pages import ROOT

LETTER = 7.6
"""About the widest that a letter of a heading is."""


def test_the_picture_is_in_step_with_the_script() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run scripts/draw_architecture.py"
    ET.fromstring(picture())


def test_texts_fit_their_boxes() -> None:
    for part in PARTS:
        assert part.x + part.width <= WIDTH
        assert part.y + part.height <= HEIGHT
        assert 44 + 20 * len(part.lines) <= part.height, part.title
        assert all(6.4 * len(line) <= part.width for line in part.lines), part.title
        assert LETTER * len(part.title) <= part.width, part.title


def test_the_folders_in_it_exist() -> None:
    for folder in ("formats", "passes", "opt_tool/runtime", "opt_tool/ir"):
        assert (ROOT / folder).is_dir()
        assert any(folder.rpartition("/")[2] in part.title for part in PARTS)
