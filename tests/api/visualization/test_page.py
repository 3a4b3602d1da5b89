from __future__ import annotations

import json
import re

from opt_tool.api.visualization.drawing import Box, Drawing
from opt_tool.api.visualization.page import json_in_script, page_text

HOSTILE = "</script><script>window.broken = 1</script><!-- <script> & @STYLE@ \u2028 \ud800 '\""


def box(name: str, *sources: str, kind: str = "other") -> Box:
    return Box(name, "op", kind, "1", sources=sources)


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found.group(1))
    return data


def test_the_page_holds_everything_itself() -> None:
    page = page_text([Drawing("model", (box("a"),), ())])
    assert "@" not in re.sub(r"@(dagrejs|media|license)", "", page.partition("<script>")[0])
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page) == []
    assert "sourceMappingURL" not in page
    assert "Chris Pettitt" in page, "the licence of the layout library"


def test_names_cannot_leave_the_data() -> None:
    page = page_text([Drawing(HOSTILE, (box(HOSTILE),), ())])
    assert data_of(page)["drawings"][0]["boxes"][0]["name"] == HOSTILE  # type: ignore[index]
    plain = page_text([Drawing("model", (box("a"),), ())])
    assert page.count("<script") == plain.count("<script")
    assert page.count("<!--") == plain.count("<!--")
    page.encode("utf-8")


def test_numbers_that_json_does_not_have_are_null() -> None:
    assert json_in_script({"a": float("nan"), "b": (1, float("inf"))}) == '{"a":null,"b":[1,null]}'


def test_two_graphs_are_linked_by_their_sources() -> None:
    before = Drawing("before", (box("x", kind="input"), box("c", "Conv c"), box("r", "Relu r")), ())
    after = Drawing("after", (box("x", kind="input"), box("new", "Conv c", "Relu r")), ())
    assert data_of(page_text([before, after]))["links"] == [[0, 0], [1, 1], [2, 1]]


def test_graphs_without_sources_are_linked_by_names() -> None:
    before = Drawing("before", (box("a"), box("b")), ())
    after = Drawing("after", (box("b"),), ())
    assert data_of(page_text([before, after]))["links"] == [[1, 0]]
