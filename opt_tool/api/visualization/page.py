"""Drawings as one HTML page that needs nothing else: no network, no other file.

The page is put together from files beside this module. The drawings are in it as JSON, in
which no character can end a script, and the scripts put texts only where they are texts.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Sequence

from opt_tool.api.json_form import plain
from opt_tool.api.visualization.drawing import Box, Drawing

ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}


def page_text(drawings: Sequence[Drawing]) -> str:
    """One drawing as a page, or two side by side: before and after."""
    links = _links(*drawings) if len(drawings) == 2 else []
    data = {"drawings": [dataclasses.asdict(drawing) for drawing in drawings], "links": links}
    parts = {
        "@STYLE@": _asset("page.css"),
        "@DAGRE_LICENSE@": _asset("dagre.LICENSE.txt"),
        "@DAGRE@": _asset("dagre.min.js"),
        "@LAYOUT@": _asset("layout.js"),
        "@SCRIPT@": _asset("page.js"),
        "@DATA@": json_in_script(data),
    }
    lines = _asset("page.html").splitlines()
    return "\n".join(parts.get(line, line) for line in lines) + "\n"


def json_in_script(data: object) -> str:
    """JSON without any character that has a meaning in HTML."""
    return json.dumps(plain(data), separators=(",", ":"), allow_nan=False).translate(ESCAPED)


def _asset(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("assets", name).read_text("utf-8")


def _links(before: Drawing, after: Drawing) -> list[tuple[int, int]]:
    """The boxes of two drawings that come from the same nodes, or else have the same name."""
    sides: dict[str, list[int]] = {}
    for index, box in enumerate(before.boxes):
        for key in _keys(box):
            sides.setdefault(key, []).append(index)
    found = {
        (tail, head)
        for head, box in enumerate(after.boxes)
        for key in _keys(box)
        for tail in sides.get(key, ())
    }
    return sorted(found)


def _keys(box: Box) -> tuple[str, ...]:
    if box.kind in ("input", "output"):
        return (f"{box.kind}\n{box.name}",)
    return box.sources if box.sources else (f"name\n{box.name}",)
