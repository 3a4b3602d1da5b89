from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import reference_environments
from reference_environments import Environment, InstallError, find_python, install, report_install
from reference_environments import _must as run_it

CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
EMPTY = Environment("empty", (CURRENT,), (), "")
"""It needs this Python and no package, and its check is easily passed."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are made the quick way, and nothing is fetched."""
    monkeypatch.setattr(reference_environments, "_must", must_without_pip)
    monkeypatch.setattr(reference_environments, "_fetched_uv", lambda _: None)


def must_without_pip(command: Sequence[str]) -> None:
    """Run a command, but make environments the quick way and leave pip's own commands out."""
    if "pip" not in command:
        run_it([*command, "--without-pip"] if "venv" in command else command)


def only_candidates(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    monkeypatch.setattr(reference_environments, "_candidates", lambda *_: paths)


def test_passes_over_a_shim_that_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    only_candidates(monkeypatch, tmp_path / "missing", shim, Path(sys.executable))
    assert find_python(CURRENT) == Path(sys.executable)
    assert find_python("2.3") is None


def test_looks_into_pyenv_for_a_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "versions" / f"{CURRENT}.99" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert find_python(CURRENT) == python


def test_looks_into_the_pyenv_of_another_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / ".pyenv" / "versions" / f"{CURRENT}.99" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert find_python(CURRENT) == python


def test_fetches_a_python_that_the_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, uv = tmp_path / "fetched", tmp_path / "uv"
    uv.write_text(
        f'#!/bin/sh\ncase "$2" in install) ln -s {sys.executable} {fetched};;'
        f" find) ls {fetched};; esac\n"
    )
    uv.chmod(0o755)
    only_candidates(monkeypatch)
    monkeypatch.setattr(reference_environments, "_fetched_uv", lambda _: str(uv))
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert find_python(CURRENT) is None
    made = install(EMPTY, tmp_path)
    assert made.exists()
    assert fetched.is_symlink()


def test_says_which_python_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only_candidates(monkeypatch)
    needy = Environment("needy", ("3.10",), (), "")
    assert report_install("program", ["needy"], lambda _: install(needy, tmp_path)) == 3
    assert "program: needy needs Python 3.10" in capsys.readouterr().err


def test_makes_an_environment_once_and_redoes_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_candidates(monkeypatch, Path(sys.executable))
    python = install(EMPTY, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    made = python.parent.stat().st_mtime_ns
    assert install(EMPTY, tmp_path) == python
    assert python.parent.stat().st_mtime_ns == made
    python.unlink()
    install(EMPTY, tmp_path)
    subprocess.run([python, "-c", ""], check=True)


def test_leaves_nothing_where_the_environment_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only_candidates(monkeypatch, Path(sys.executable))
    broken = Environment("broken", (CURRENT,), (), "import no_such_module")
    with pytest.raises(InstallError, match="no_such_module"):
        install(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert report_install("program", ["broken"], lambda _: install(broken, tmp_path)) == 1
    assert "no_such_module" in capsys.readouterr().err
