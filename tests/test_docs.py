from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from opt_tool.cli.app import cli
from small_caffe_models import small_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are that the examples name."""
    shutil.copy(ROOT / "tests" / "data" / "fmnist_mbv2s.onnx", tmp_path)
    small_model(tmp_path)
    np.save(tmp_path / "image.npy", np.ones((1, 1, 28, 28), np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readmes_scripts_exist() -> None:
    scripts = [line for block in blocks("sh") for line in block.splitlines() if "scripts/" in line]
    assert len(scripts) == 2
    assert all((ROOT / script).is_file() for script in scripts)


def test_the_readmes_python_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    assert capsys.readouterr().out.startswith("passed ")
    assert (folder / "fmnist.nb").exists()
    assert "logits" in names["outputs"]  # type: ignore[operator]  # a dictionary of arrays


def test_the_reference_names_every_option() -> None:
    for name, command in cli.commands.items():
        assert f"opt {name} " in REFERENCE
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in REFERENCE, (name, option)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/cli.md"])
def test_links_and_paths_in_pages_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    paths = re.findall(r"`((?:tests|opt_tool|formats|passes|scripts|kernels)/[\w/.]+)`", text)
    assert [path for path in (*links, *paths) if not (ROOT / path).exists()] == []
