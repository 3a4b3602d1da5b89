"""The driver of the official runtime, with programs that end as the runtime can end."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from opt_tool.api import official_runtime
from opt_tool.api.official_runtime import OfficialRuntimeError, OfficialRuntimeMissingError

Interpreter = Callable[[str], Path]

INPUTS = [[np.zeros((1, 2), np.float32)]]


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    """Makes a program that is started instead of Python; $3 is the job's folder."""

    def make(script: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


def test_reports_an_abort_with_its_place_and_last_words(interpreter: Interpreter) -> None:
    python = interpreter(
        "printf 'loading it' > $3/progress.txt\necho 'Check failed: x' >&2\nkill -ABRT $$"
    )
    with pytest.raises(OfficialRuntimeError) as error:
        official_runtime.run(Path("model.nb"), INPUTS, python=python)
    assert "SIGABRT while loading it" in str(error.value)
    assert str(error.value).endswith("Check failed: x")


def test_stops_a_run_that_takes_too_long(interpreter: Interpreter) -> None:
    python = interpreter("printf 'running input set 1 of 1' > $3/progress.txt\nexec sleep 300")
    start = time.monotonic()
    with pytest.raises(OfficialRuntimeError, match=r"still running input set 1 of 1 after 0\.5 s"):
        official_runtime.run(Path("model.nb"), INPUTS, python=python, timeout=0.5)
    assert time.monotonic() - start < 30


def test_passes_on_what_the_worker_says(interpreter: Interpreter) -> None:
    python = interpreter("echo \"No module named 'paddlelite'\" >&2\nexit 1")
    with pytest.raises(OfficialRuntimeError, match=r"exit code 1 while starting\n.*paddlelite"):
        official_runtime.run(Path("model.nb"), INPUTS, python=python)


def test_says_how_to_install_a_missing_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", tmp_path)
    with pytest.raises(
        OfficialRuntimeMissingError, match=r"install_official_runtime\.py --version 2\.12"
    ):
        official_runtime.run(Path("model.nb"), INPUTS, "2.12")


def test_says_that_an_interpreter_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OfficialRuntimeMissingError, match="no such Python"):
        official_runtime.run(Path("model.nb"), INPUTS, python=tmp_path / "python")


def test_the_worker_is_written_for_python_3_7() -> None:
    source = official_runtime.WORKER.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    standard = {"__future__", "json", "os", "pathlib", "signal", "sys", "time", "typing"}
    assert imported <= standard | {"numpy", "paddlelite.lite"}
