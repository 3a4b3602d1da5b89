"""The scoreboard over ONNX's backend tests: what passes and what is refused, held to the case."""

from __future__ import annotations

from collections import Counter

import pytest

import node_tests
from scoreboard import SCOREBOARD, read_scoreboard

CHUNKS = 8


@pytest.mark.conformance
@pytest.mark.official
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_case_has_the_result_on_the_scoreboard(chunk: int) -> None:
    expected = read_scoreboard()
    cases = node_tests.cases()
    assert {case.name for case in cases} == set(expected)
    chosen = cases[chunk::CHUNKS]
    actual = node_tests.scoreboard(chosen)
    different = {
        name: f"{expected[name]} became {result}"
        for name, result in actual.items()
        if result != expected[name]
    }
    assert not different, f"run scripts/update_scoreboard.py and look at the diff of {SCOREBOARD}"


def test_nothing_on_the_scoreboard_is_wrong() -> None:
    results = read_scoreboard().values()
    numpy = Counter(result[0].split(":")[0] for result in results)
    official = Counter(result[1].split(":")[0] for result in results)
    assert numpy["FAIL"] == official["FAIL"] == 0
    assert official["differs"] == len(node_tests.DIFFERENT)
    assert numpy["pass"] >= 2000
    assert official["pass"] >= 2000
