from __future__ import annotations

import pytest

from opt_tool.errors import UsageError
from opt_tool.targets import LiteVersion


@pytest.mark.parametrize("text", ["2.13", "v2.13", "2.13-rc", "2.13rc0", " 2.13.0 "])
def test_parses_the_ways_a_version_is_written(text: str) -> None:
    assert LiteVersion.parse(text) is LiteVersion.V2_13


def test_orders_versions_by_age_and_not_as_text() -> None:
    assert LiteVersion.V2_9 < LiteVersion.V2_10 <= LiteVersion.V2_10 < LiteVersion.V2_13
    assert max(LiteVersion.V2_9, LiteVersion.V2_10) is LiteVersion.V2_10


def test_prints_as_it_is_parsed() -> None:
    assert [LiteVersion.parse(str(version)) for version in LiteVersion] == list(LiteVersion)


def test_knows_what_the_published_runtimes_call_themselves() -> None:
    assert LiteVersion.V2_12.runtime_text == "v2.12"
    assert LiteVersion.V2_13.runtime_text == "v2.13-rc"  # there was nothing but the candidate


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("2.7", "versions before 2.8 read other files"),
        ("2.6.3", "versions before 2.8 read other files"),
        ("1.9", "versions before 2.8 read other files"),
        ("2.14", "its kernels are not known"),
        ("3.0", "its kernels are not known"),
        ("latest", "is not a Paddle Lite version"),
        ("2", "is not a Paddle Lite version"),
        ("", "is not a Paddle Lite version"),
    ],
)
def test_refuses_other_versions_and_says_what_is_possible(text: str, fact: str) -> None:
    with pytest.raises(UsageError, match=fact) as refused:
        LiteVersion.parse(text)
    assert str(refused.value).endswith("possible are 2.8, 2.9, 2.10, 2.11, 2.12, 2.13")
