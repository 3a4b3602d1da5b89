"""The Python in the pages works as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import opt_tool
from opt_tool.api import official_runtime
from pages import DOCS, PAGES, ROOT, TRANSLATION, blocks_of, name_of

DEVICE = DOCS / "device.md"
EXAMPLES = [
    page for page in PAGES if page not in (DEVICE, TRANSLATION) and blocks_of(page, "python")
]
FMNIST = ROOT / "tests" / "data" / "fmnist_mbv2s.onnx"


def code_of(page: Path) -> str:
    """All blocks of a page as one program; later ones use what earlier ones define."""
    texts = [block.text for block in blocks_of(page, "python")]
    future = "from __future__ import annotations\n"
    return future + "\n".join(texts).replace(future, "")


def execute(code: str, folder: Path, python: str = sys.executable) -> str:
    """Run a program in a process of its own, since it may register operators."""
    (folder / "page.py").write_text(code, encoding="utf-8")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    done = subprocess.run(
        [python, "page.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths if python == sys.executable else ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the pages name."""
    shutil.copy(FMNIST, tmp_path)
    opt_tool.convert(FMNIST, tmp_path / "fmnist.nb", verify=False)
    return tmp_path


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_python_of_a_page_works(page: Path, folder: Path) -> None:
    execute(code_of(page), folder)


def test_the_head_of_a_file_is_as_the_page_says(folder: Path) -> None:
    printed = execute(code_of(DOCS / "nb-format.md"), folder)
    assert printed.startswith("meta version 2 for v2.13\nparameters ")


@pytest.mark.official
def test_the_python_for_the_device_works_in_the_official_runtime(folder: Path) -> None:
    opt_tool.convert(FMNIST, folder / "fmnist-x86.nb", target="x86", verify=False)
    printed = execute(code_of(DEVICE), folder, str(official_runtime.interpreter()))
    session = opt_tool.Session(folder / "fmnist-x86.nb")
    image = np.zeros((1, 1, 28, 28), np.float32)
    scores = session.run({"input": image})["logits"]
    assert f"class {int(scores.argmax())}" in printed


def test_the_snippets_for_devices_are_for_the_same_file() -> None:
    for language in ("cpp", "java", "python"):
        (block,) = blocks_of(DEVICE, language)
        assert re.search(r"set_model_from_file|setModelFromFile", block.text), language
        assert block.text.count("{") == block.text.count("}")
