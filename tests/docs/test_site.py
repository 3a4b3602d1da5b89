from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pages import DOCS, ROOT, name_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as it is published; a broken link or a page without a place fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "-f", ".mkdocs.yml", "--strict"]
    command += ["--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file(), name_of(page)


def test_the_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    loading = re.compile(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(https?:[^"]+)"')
    for page in site.rglob("*.html"):
        found = loading.findall(page.read_text(encoding="utf-8"))
        assert found == [], page


def test_every_page_says_something() -> None:
    for page in DOCS.rglob("*.md"):
        assert len(page.read_text(encoding="utf-8")) > 400, name_of(page)
