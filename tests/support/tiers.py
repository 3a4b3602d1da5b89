"""What the tiers of tests need, and what happens where it is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest

from browser import missing_browser
from install_official_runtime import RUNTIMES
from opt_tool.api import official_runtime
from reference_environments import find_python

ROOT = Path(__file__).resolve().parents[2]
NODE_TESTS = ROOT / ".cache" / "onnx-node-tests"
NEWEST_NODE_TESTS = ROOT / ".cache" / f"onnx-node-tests-{onnx.__version__}"
SHARED_MODELS = ROOT.parent / "shared" / "models"


def need(missing: str | None) -> None:
    """Skip the test if something is missing; in CI, where nothing may be, fail it."""
    if missing is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run every tier: {missing}", pytrace=False)
    pytest.skip(missing)


def need_official(versions: Sequence[str]) -> None:
    """Need these official runtimes.

    Only the newest must be there in CI: the Pythons that the older ones need are no longer
    everywhere. Where they are, the environments have to be there too.
    """
    for version in versions:
        missing = official_runtime.available(version)
        old = version != official_runtime.DEFAULT_VERSION
        (python,) = RUNTIMES[version].pythons
        if missing is not None and old and find_python(python) is None:
            pytest.skip(f"{missing}; it needs Python {python}")
        need(missing)


def need_node_tests() -> None:
    """Need the ONNX backend's test cases."""
    for place in (NODE_TESTS, NEWEST_NODE_TESTS):
        if not place.is_dir():
            need(f"{place} is missing; run scripts/fetch_node_tests.py")


def need_browser() -> None:
    """Need Chromium and its driver."""
    need(missing_browser())
