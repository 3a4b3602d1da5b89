"""README.zh-CN.md says what README.md says: the same headings, commands, code, tables and links."""

from __future__ import annotations

import re

import pytest

from pages import ROOT, TRANSLATION, blocks_of

ENGLISH, CHINESE = ROOT / "README.md", TRANSLATION
TEXTS = tuple(page.read_text(encoding="utf-8") for page in (ENGLISH, CHINESE))


def commands(text: str) -> list[str]:
    """The commands of a block without what is said about them."""
    return [line.partition("#")[0].rstrip() for line in text.splitlines()]


def test_the_headings_have_the_same_levels_in_the_same_order() -> None:
    english, chinese = ([len(mark) for mark in re.findall(r"^(#+) ", t, re.M)] for t in TEXTS)
    assert english == chinese


def test_the_commands_are_the_same() -> None:
    english, chinese = (
        [commands(block.text) for block in blocks_of(page, "sh")] for page in (ENGLISH, CHINESE)
    )
    assert english == chinese


def test_the_code_is_the_same() -> None:
    english, chinese = (
        [block.text for block in blocks_of(page, "python")] for page in (ENGLISH, CHINESE)
    )
    assert english == chinese


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(r"^\| (`[^`]+`) \|", id="first cells of tables"),
        pytest.param(r"!\[[^\]]*\]\(([^)]+)\)", id="pictures"),
        pytest.param(r"\]\((docs/[^)]+|CONTRIBUTING\.md|LICENSE)\)", id="links"),
        pytest.param(r"^- \*\*", id="points"),
    ],
)
def test_tables_pictures_links_and_points_are_the_same(what: str) -> None:
    english, chinese = (re.findall(what, text, re.MULTILINE) for text in TEXTS)
    assert english == chinese
    assert english


def test_code_words_in_the_text_are_the_same() -> None:
    english, chinese = (set(re.findall(r"`([^`\n]+)`", text)) for text in TEXTS)
    assert english == chinese


def test_each_links_to_the_other() -> None:
    assert "(README.zh-CN.md)" in TEXTS[0]
    assert "(README.md)" in TEXTS[1]
