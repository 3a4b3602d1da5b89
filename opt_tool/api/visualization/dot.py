"""Drawings in Graphviz's language, and as SVG by Graphviz.

Graphviz is an optional extra (``pip install 'opt-tool[svg]'``): pygraphviz brings it along.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Iterator, Mapping

from opt_tool.api.visualization.drawing import Box, Drawing
from opt_tool.errors import UsageError

ADVICE = (
    "`pip install 'opt-tool[svg]'` installs Graphviz; an HTML page and DOT need nothing besides"
)

FILLS: Mapping[str, str] = {
    "input": "#cbd5e1",
    "output": "#cbd5e1",
    "convolution": "#bfdbfe",
    "matmul": "#c7d2fe",
    "activation": "#fed7aa",
    "pooling": "#bbf7d0",
    "reduction": "#bbf7d0",
    "normalization": "#fbcfe8",
    "elementwise": "#fef08a",
    "recurrence": "#ddd6fe",
    "fused": "#ddd6fe",
    "detection": "#fecaca",
}
"""A fill for each family of operations; the others move data and have ``PLAIN``."""

PLAIN = "#f1f5f9"


def dot_text(drawing: Drawing) -> str:
    """A drawing as a DOT file."""
    return "\n".join(_lines(drawing)) + "\n"


def _lines(drawing: Drawing) -> Iterator[str]:
    yield f"digraph {_quoted(drawing.title)} {{"
    yield '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];'
    yield '  edge [fontname="Helvetica", fontsize=9, color="#64748b", fontcolor="#64748b"];'
    for index, box in enumerate(drawing.boxes):
        fill = FILLS.get(box.kind, PLAIN)
        yield (
            f"  n{index} [label={_quoted(*_label(box))}, tooltip={_quoted(box.name)}, "
            f'fillcolor="{fill}"];'
        )
    for arrow in drawing.arrows:
        yield f"  n{arrow.tail} -> n{arrow.head} [label={_quoted(arrow.label)}];"
    yield "}"


def _label(box: Box) -> tuple[str, str]:
    return (box.name if box.kind in ("input", "output") else box.op, box.caption)


def _quoted(*lines: str) -> str:
    """Lines as one quoted string, in which nothing of the model's has a meaning."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in map(_printable, lines))
    return '"' + "\\n".join(escaped) + '"'


def _printable(text: str) -> str:
    """Graphviz ends a text at NUL and has no place for other control characters."""
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)


def missing_graphviz() -> str | None:
    """What is missing for SVG, or None."""
    return None if importlib.util.find_spec("pygraphviz") else "pygraphviz is not installed"


def svg_text(drawing: Drawing) -> str:
    """A drawing as an SVG picture.

    Raises:
        UsageError: when Graphviz is not there.
    """
    missing = missing_graphviz()
    if missing is not None:
        raise UsageError(f"SVG needs Graphviz, but {missing}; {ADVICE}")
    from pygraphviz import AGraph

    picture: bytes = AGraph(string=dot_text(drawing)).draw(format="svg", prog="dot")
    return picture.decode("utf-8")
