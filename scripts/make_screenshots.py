"""Take the pictures of `opt visualize` in docs/pictures, of pages that the real tool writes.

Usage: .venv/bin/python scripts/make_screenshots.py [--out FOLDER]

Needs Chromium and its driver; scripts/install_browser.sh installs them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import opt_tool
from browser import chromium, missing_browser
from opt_tool.api.quantization import QuantizationOptions

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
MODEL = ROOT / "tests" / "data" / "fmnist_mbv2s.onnx"
WIDTH, HEIGHT = 1400, 860
SETTLED_SECONDS = 0.3
"""How long a page may take to draw what a script changed."""


@dataclass(frozen=True)
class Shot:
    """One picture: the page that it shows and what is done there first, in JavaScript."""

    name: str
    page: str
    actions: str


SHOTS = (
    Shot("page-light.png", "one.html", "setTheme(false); select(panes[0], 11, { show: true })"),
    Shot(
        "page-dark.png",
        "one.html",
        "setTheme(true); search($('search').value = 'elementwise');"
        "select(panes[0], 3, { show: true })",
    ),
    Shot("page-both.png", "both.html", "setTheme(false); select(panes[1], 11, { show: true })"),
)


def take(folder: Path) -> list[Path]:
    """Write all pictures to a folder."""
    with tempfile.TemporaryDirectory(prefix="opt-shots-") as work:
        pages = Path(work)
        opt_tool.convert(
            MODEL,
            pages / "small.nb",
            input_shapes={"input": (1, 1, 28, 28)},
            quantization=QuantizationOptions(),
            visualize=pages / "both.html",
        )
        opt_tool.visualize(pages / "small.nb", pages / "one.html")
        with chromium(pages / "profile", WIDTH, HEIGHT) as driver:
            for shot in SHOTS:
                driver.get((pages / shot.page).as_uri())
                driver.execute_script(shot.actions)
                time.sleep(SETTLED_SECONDS)
                if not driver.save_screenshot(str(folder / shot.name)):
                    raise OSError(f"{folder / shot.name} could not be written")
    return [folder / shot.name for shot in SHOTS]


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of `opt visualize`.")
    parser.add_argument("--out", type=Path, default=PICTURES)
    folder: Path = parser.parse_args().out
    missing = missing_browser()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 1
    for path in take(folder):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
