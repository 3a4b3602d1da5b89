"""Every command line of every page is executed, or says why it cannot be."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import opt
from opt_tool.cli.app import cli
from pages import PAGES, ROOT, TRANSLATION, blocks_of, name_of
from small_caffe_models import small_model

COMMANDS = {
    page: [block for block in blocks_of(page, "sh") if block.reason is None] for page in PAGES
}
NOT_RUN = {
    (name_of(page), block.reason)
    for page in PAGES
    for block in blocks_of(page, "sh")
    if block.reason is not None
}
QUICK_SCRIPTS = {"scripts/auto_transform.sh", "scripts/auto_transformer.sh"}
MOST_SECONDS = 120
REASONS = {
    "makes the environment that this runs in",
    "needs a phone",
    "takes minutes",
    "installs packages",
    "serves until it is stopped",
    "needs PaddlePaddle and x2paddle",
}
"""Why a command may be left out; a new reason belongs here, so that somebody sees it."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name, as the folder to be in."""
    shutil.copy(ROOT / "tests" / "data" / "fmnist_mbv2s.onnx", tmp_path)
    small_model(tmp_path)
    np.save(tmp_path / "image.npy", np.ones((1, 1, 28, 28), np.float32))
    for name in ("samples", "pictures"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "samples" / "two.npy", np.ones((2, 1, 28, 28), np.float32))
    Image.fromarray(np.full((32, 40, 3), 99, np.uint8)).save(tmp_path / "pictures" / "gray.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if COMMANDS[page] and page != TRANSLATION], ids=name_of
)
def test_every_command_works(page: Path, folder: Path) -> None:
    for line in (line for block in COMMANDS[page] for line in block.lines):
        execute(line, folder)


def execute(line: str, folder: Path) -> None:
    """Run one command line; only what a page may say is known."""
    name, *arguments = shlex.split(line, comments=True)
    if name == "opt":
        result = opt(*arguments)
        assert result.exit_code == 0, (line, result.stderr)
        return
    commands = {"python": [sys.executable], "bash": ["bash"]}
    if name in QUICK_SCRIPTS:
        command = [str(ROOT / name), *arguments]
    elif name in commands:
        command = [*commands[name], *arguments]
    else:
        pytest.fail(
            f"{line!r}: say '<!-- not run: REASON -->' above it, or teach this test to run it"
        )
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
    )
    assert done.returncode == 0, (line, done.stderr)


def test_what_is_not_executed_is_little_and_has_a_known_reason() -> None:
    assert {reason for _, reason in NOT_RUN} <= REASONS
    assert len(NOT_RUN) <= 20


def test_no_command_hides_in_a_block_of_another_kind() -> None:
    hidden = [
        (name_of(page), block.text)
        for page in PAGES
        for language in ("bash", "shell", "console", "text")
        for block in blocks_of(page, language)
        if re.search(r"^\$? ?opt [a-z-]+ \w", block.text, re.MULTILINE)
    ]
    assert hidden == []


def test_every_command_of_opt_is_in_the_readme() -> None:
    lines = [line for block in COMMANDS[ROOT / "README.md"] for line in block.lines]
    assert {
        shlex.split(line, comments=True)[1] for line in lines if line.startswith("opt ")
    } == set(cli.commands)


def test_packages_that_pages_install_are_known() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    _, _, rest = project.partition("[project.optional-dependencies]\n")
    extras = set(re.findall(r"^(\w+) = ", rest.partition("\n\n")[0], re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for names in re.findall(r"(?:opt-tool|\.)\[([a-z,]+)\]", text):
            assert set(names.split(",")) <= extras, (name_of(page), names)


def test_scripts_that_pages_name_exist() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for script in re.findall(r"\bscripts/[\w/]+\.(?:py|sh)\b|\bscripts/check\b", text):
            assert (ROOT / script).is_file(), (name_of(page), script)
