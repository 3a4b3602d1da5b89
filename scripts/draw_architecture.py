"""Draw docs/pictures/architecture.svg: how a model becomes a checked file.

Usage: .venv/bin/python scripts/draw_architecture.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "architecture.svg"
WIDTH, HEIGHT = 980, 420


@dataclass(frozen=True)
class Part:
    """A box: where it is, its heading, the lines under it, and the hue of its colour."""

    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...]
    hue: int


READERS = ("readers: a small", "function for each", "operator")
GRAPH = ("Paddle Lite's operations", "as typed classes,", "edges as objects,", "origins kept")
REFERENCE = ("onnxruntime, OpenCV, LiteRT on the source;", "in the tests the official Paddle Lite")

PARTS = (
    Part(20, 40, 170, 150, "models", ("ONNX", "Caffe", "TFLite", "TensorFlow", ".nb"), 215),
    Part(230, 40, 150, 150, "formats", READERS, 215),
    Part(420, 40, 210, 150, "one graph (ir)", GRAPH, 275),
    Part(670, 40, 130, 150, "formats", ("the writer:", "generic from", "the fields"), 145),
    Part(840, 40, 120, 150, ".nb file", ("ARM or x86,", "for runtimes", "2.8 to 2.13"), 145),
    Part(
        420,
        270,
        210,
        110,
        "passes, tables",
        ("rewrite until it is what", "the target runs fast"),
        25,
    ),
    Part(670, 270, 130, 110, "runtime", ("runs any graph", "on the kernels", "in NumPy"), 325),
    Part(20, 270, 360, 110, "reference", REFERENCE, 215),
    Part(840, 270, 120, 110, "verify", ("equal numbers,", "or no file"), 0),
)

ARROWS = (
    ((190, 115), (230, 115)),
    ((380, 115), (420, 115)),
    ((630, 115), (670, 115)),
    ((800, 115), (840, 115)),
    ((500, 270), (500, 190)),
    ((550, 190), (550, 270)),
    ((900, 190), (900, 230), (735, 230), (735, 270)),
    ((800, 325), (840, 325)),
    ((105, 190), (105, 270)),
    ((200, 380), (200, 402), (900, 402), (900, 380)),
)

STYLE = """\
    text { font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; text-anchor: middle; }
    .title { font-size: 15px; font-weight: 600; fill: #0f172a; }
    .line { font-size: 12px; fill: #334155; }
    .arrow { fill: none; stroke: #64748b; stroke-width: 1.6; marker-end: url(#tip); }"""


def picture() -> str:
    """The drawing as it should be."""
    return "\n".join(_elements()) + "\n"


def _elements() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="How a model becomes a checked file">'
    )
    yield f"  <style>\n{STYLE}\n  </style>"
    yield (
        '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#64748b"/></marker></defs>'
    )
    yield f'  <rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#f8fafc"/>'
    for part in PARTS:
        yield from _box(part)
    for points in ARROWS:
        path = " L".join(f"{x},{y}" for x, y in points)
        yield f'  <path class="arrow" d="M{path}"/>'
    yield "</svg>"


def _box(part: Part) -> Iterator[str]:
    yield (
        f'  <rect x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}" rx="8" '
        f'fill="hsl({part.hue},80%,94%)" stroke="hsl({part.hue},60%,60%)"/>'
    )
    middle = part.x + part.width // 2
    yield f'  <text class="title" x="{middle}" y="{part.y + 28}">{escape(part.title)}</text>'
    for index, line in enumerate(part.lines):
        y = part.y + 54 + 20 * index
        yield f'  <text class="line" x="{middle}" y="{y}">{escape(line)}</text>'


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
