from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import install_official_runtime
from install_official_runtime import InstallError, Runtime, find_python, install
from install_official_runtime import _must as run_it

CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def empty_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that needs this Python and no package, and whose check is easily passed."""
    monkeypatch.setattr(install_official_runtime, "RUNTIMES", {"0": Runtime(CURRENT, ())})
    monkeypatch.setattr(install_official_runtime, "CHECK", "")
    monkeypatch.setattr(install_official_runtime, "_candidates", lambda _: [Path(sys.executable)])
    monkeypatch.setattr(install_official_runtime, "_must", must_without_pip)


def must_without_pip(command: Sequence[str]) -> None:
    """Run a command, but make environments the quick way and leave pip's own commands out."""
    if "pip" not in command:
        run_it([*command, "--without-pip"] if "venv" in command else command)


def test_passes_over_a_shim_that_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    candidates = [tmp_path / "missing", shim, Path(sys.executable)]
    monkeypatch.setattr(install_official_runtime, "_candidates", lambda _: candidates)
    assert find_python(CURRENT) == Path(sys.executable)
    assert find_python("2.3") is None


def test_looks_into_pyenv_for_a_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "versions" / f"{CURRENT}.99" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert find_python(CURRENT) == python


def test_says_which_python_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_official_runtime, "_candidates", lambda _: [])
    with pytest.raises(LookupError, match=r"needs Python 3\.10"):
        install("2.13", tmp_path)


@pytest.mark.usefixtures("empty_runtime")
def test_makes_an_environment_once_and_redoes_a_broken_one(tmp_path: Path) -> None:
    python = install("0", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["official-0"]
    made = python.parent.stat().st_mtime_ns
    assert install("0", tmp_path) == python
    assert python.parent.stat().st_mtime_ns == made
    python.unlink()
    install("0", tmp_path)
    subprocess.run([python, "-c", ""], check=True)


@pytest.mark.usefixtures("empty_runtime")
def test_leaves_nothing_where_the_environment_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_official_runtime, "CHECK", "import no_such_module")
    with pytest.raises(InstallError, match="no_such_module"):
        install("0", tmp_path)
    assert list(tmp_path.iterdir()) == []
