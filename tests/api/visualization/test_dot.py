from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from opt_tool.api.loading import load
from opt_tool.api.visualization import dot
from opt_tool.api.visualization.drawing import Arrow, Box, Drawing, draw
from opt_tool.errors import UsageError
from small_models import classifier

HOSTILE = 'a"];evil [label="\\N\\'
BOXES = (Box(HOSTILE, "input", "input", "nul \x00 line\nend"), Box("<b>&", "<b>&", "other", "x"))
DRAWING = Drawing("digraph {", BOXES, (Arrow(0, 1, '"'),))
NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{NAMESPACE}text")]


def test_dot_has_a_line_for_each_box_and_arrow(tmp_path: Path) -> None:
    drawing = draw(load(classifier(tmp_path / "model.onnx")), "model")
    lines = dot.dot_text(drawing).splitlines()
    assert sum("fillcolor" in line for line in lines) == len(drawing.boxes)
    assert '  n0 -> n1 [label="1×3×16×16"];' in lines


def test_names_mean_nothing_in_dot() -> None:
    text = dot.dot_text(DRAWING)
    assert 'label="a\\"];evil [label=\\"\\\\N\\\\\\nnul \ufffd line\ufffdend"' in text
    assert "\x00" not in text


def test_graphviz_reads_hostile_names_as_texts() -> None:
    shown = texts(dot.svg_text(DRAWING))
    assert HOSTILE in shown
    assert "<b>&" in shown


def test_svg_without_graphviz_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dot, "missing_graphviz", lambda: "pygraphviz is not installed")
    with pytest.raises(UsageError, match=r"pip install 'opt-tool\[svg\]'"):
        dot.svg_text(DRAWING)
