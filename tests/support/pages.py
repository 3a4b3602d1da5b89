"""The pages of the project: where they are, and the code blocks in them.

A block that cannot be executed by a test has a comment above it that says why::

    <!-- not run: needs a phone -->
    ```sh
    adb push model.nb /data/local/tmp
    ```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TRANSLATION = ROOT / "README.zh-CN.md"
"""A test compares its commands and code with the original's, so they are not executed again."""

PAGES = (
    ROOT / "README.md",
    TRANSLATION,
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.rglob("*.md")),
)
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\s*)?^(?P<indent> *)```(?P<language>\w+)[^\n]*\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One code block; ``reason`` is why it is not executed, or None."""

    language: str
    text: str
    reason: str | None

    @property
    def lines(self) -> list[str]:
        """Its commands; a line that ends in a backslash goes on in the next."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        lines = (line.strip() for line in joined.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def name_of(page: Path) -> str:
    """A page's path in the project."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path, language: str) -> list[Block]:
    """The code blocks of a language, in order."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(match["language"], match["text"], match["reason"])
        for match in found
        if match["language"] == language
    ]
