from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tiers
from opt_tool.api import official_runtime


@pytest.fixture
def in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")


@pytest.fixture
def no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", tmp_path)


def outcome(demand: Callable[[], None]) -> str:
    """What becomes of a test with this demand; a skip must not skip the test that asks."""
    try:
        demand()
    except pytest.skip.Exception as skip:
        return f"skipped: {skip.msg}"
    except pytest.fail.Exception as failure:
        return f"failed: {failure.msg}"
    return "runs"


def test_what_is_missing_is_skipped_on_a_developers_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert outcome(lambda: tiers.need("no models")) == "skipped: no models"


@pytest.mark.usefixtures("in_ci")
def test_what_is_missing_fails_in_ci() -> None:
    assert outcome(lambda: tiers.need("no models")) == "failed: CI must run every tier: no models"


@pytest.mark.usefixtures("in_ci")
def test_what_is_there_runs() -> None:
    assert outcome(lambda: tiers.need(None)) == "runs"


@pytest.mark.usefixtures("in_ci", "no_runtime")
@pytest.mark.parametrize(
    ("version", "python", "expected"),
    [
        ("2.13", None, "failed"),
        ("2.12", Path("python3.7"), "failed"),
        ("2.12", None, "skipped"),
    ],
)
def test_ci_may_miss_only_runtimes_whose_old_python_is_nowhere(
    monkeypatch: pytest.MonkeyPatch, version: str, python: Path | None, expected: str
) -> None:
    monkeypatch.setattr(tiers, "find_python", lambda _: python)
    result = outcome(lambda: tiers.need_official([version]))
    assert result.startswith(f"{expected}: ")
    assert f"official runtime {version}" in result
