"""Tiers that need something from outside, and fixtures that many tests share."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

import tiers
from conversions import Conversions
from opt_tool.api import official_runtime


def pytest_configure() -> None:
    """Take SIGINT where the tests run in the background of a shell, which ignores it.

    Processes inherit that, so that the commands under test would not be interrupted.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose tier is not there, before any fixture is made."""
    for marker in item.iter_markers("official"):
        tiers.need_official(marker.args or (official_runtime.DEFAULT_VERSION,))
    if item.get_closest_marker("conformance") is not None:
        tiers.need_node_tests()
    if item.get_closest_marker("browser") is not None:
        tiers.need_browser()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a line each what was not tested, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in skipped
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")


@pytest.fixture(scope="session")
def conversions(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Conversions:
    """Converted models, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    return Conversions((base if worker_id == "master" else base.parent) / "conversions")
