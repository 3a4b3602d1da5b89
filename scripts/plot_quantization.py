"""Plot the table of docs/quantization.md: docs/pictures/quantization.svg.

Usage: .venv/bin/python scripts/plot_quantization.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "quantization.md"
PICTURE = DOCS / "pictures" / "quantization.svg"

MODEL, BITS, METHOD = "model", "bits", "method"
SHARE, SQNR, AGREEMENT = "file, of float", "SQNR of the scores", "same class as float"
FLOAT_BITS = 32

WIDTH, MARGIN = 860, 20
LABELS, BARS = 90, 420
ROW, HEADING = 24, 44
COLOURS = {"best": "#2563eb", "parity": "#f59e0b"}
OTHERS = "#94a3b8"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    model: str
    bits: int
    method: str
    share: str
    sqnr_db: float
    agreement: str


def rows(page: str) -> list[Row]:
    """The quantized networks in the page's table."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    start = next(i for i, line in enumerate(lines) if SQNR in line and MODEL in line)
    names = _cells(lines[start])
    found = []
    for line in lines[start + 2 :]:
        cells = dict(zip(names, _cells(line), strict=False))
        if int(cells[BITS]) == FLOAT_BITS:
            continue
        found.append(
            Row(
                cells[MODEL],
                int(cells[BITS]),
                cells[METHOD],
                cells[SHARE],
                float(cells[SQNR].removesuffix(" dB")),
                cells[AGREEMENT],
            )
        )
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def groups(table: list[Row]) -> dict[tuple[str, int], list[Row]]:
    """The rows of each network and number of bits, the best first."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in table:
        found.setdefault((row.model, row.bits), []).append(row)
    return {key: sorted(group, key=lambda row: -row.sqnr_db) for key, group in found.items()}


def picture(page: str) -> str:
    """The plot as it should be."""
    return "\n".join(_elements(groups(rows(page)))) + "\n"


def _elements(found: dict[tuple[str, int], list[Row]]) -> Iterator[str]:
    height = MARGIN * 2 + sum(HEADING + ROW * len(group) for group in found.values())
    most = max(row.sqnr_db for group in found.values() for row in group)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Signal to noise of each method of quantization">'
    )
    yield "  <style>text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #0f172a }"
    yield "    .head { font-weight: 600; font-size: 15px } .end { text-anchor: end }"
    yield "    .note { fill: #475569; font-size: 12px }</style>"
    yield f'  <rect width="{WIDTH}" height="{height}" rx="10" fill="#f8fafc"/>'
    y = MARGIN
    for (model, bits), group in found.items():
        yield f'  <text class="head" x="{MARGIN}" y="{y + 26}">{escape(model)}, {bits} bits</text>'
        y += HEADING
        for row in group:
            yield from _bar(row, y, row.sqnr_db / most)
            y += ROW
    yield "</svg>"


def _bar(row: Row, y: int, part: float) -> Iterator[str]:
    left = MARGIN + LABELS
    width = max(1, round(BARS * part))
    colour = COLOURS.get(row.method, OTHERS)
    yield f'  <text class="end" x="{left - 8}" y="{y + 13}">{escape(row.method)}</text>'
    yield f'  <rect x="{left}" y="{y}" width="{width}" height="17" rx="3" fill="{colour}"/>'
    yield (
        f'  <text class="note" x="{left + width + 8}" y="{y + 13}">{row.sqnr_db:.1f} dB, '
        f"{escape(row.agreement)} the same class, file {escape(row.share)}</text>"
    )


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
