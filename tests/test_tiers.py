from __future__ import annotations

from pathlib import Path

import pytest

import tiers
from opt_tool.api import official_runtime


def test_what_is_missing_is_skipped_on_a_developers_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no models"):
        tiers.need("no models")


def test_what_is_missing_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must run every tier: no models"):
        tiers.need("no models")


def test_what_is_there_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    tiers.need(None)


def test_the_newest_official_runtime_must_be_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(tiers, "find_python", lambda _: None)
    with pytest.raises(pytest.fail.Exception, match=r"official runtime 2\.13"):
        tiers.need_official(["2.13"])
    with pytest.raises(pytest.skip.Exception, match=r"needs Python 3\.7"):
        tiers.need_official(["2.12"])


def test_an_older_official_runtime_must_be_in_ci_where_its_python_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(tiers, "find_python", lambda _: Path("python3.7"))
    with pytest.raises(pytest.fail.Exception, match=r"official runtime 2\.12"):
        tiers.need_official(["2.12"])
