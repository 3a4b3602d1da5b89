from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import tiers
from write_sbom import bill_of

SOURCES = ("opt_tool", "formats", "kernels", "passes", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built from a copy of it."""
    version = int(importlib.metadata.version("setuptools").partition(".")[0])
    tiers.need("setuptools 77 is missing; `pip install -U setuptools`" if version < 77 else None)
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (tiers.ROOT / name).is_dir():
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(
                tiers.ROOT / name, folder / "source" / name, symlinks=True, ignore=left_out
            )
        else:
            shutil.copy(tiers.ROOT / name, folder / "source")
    command = [sys.executable, "-c", BUILD, str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}
    environment.pop("PYTHONPATH", None)
    result = subprocess.run(
        command,
        cwd=folder / "source",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bill(wheel: Path) -> dict[str, Any]:
    return bill_of(wheel)


def test_the_wheel_holds_the_whole_package_and_its_license(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    for part in ("opt_tool/cli/app.py", "opt_tool/formats/onnx/reader.py", "opt_tool/py.typed"):
        assert part in names
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "formats/"))]


def test_the_bill_names_the_tool_and_its_license(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    itself = bill["metadata"]["component"]
    assert itself["purl"] == f"pkg:pypi/opt-tool@{itself['version']}"
    assert itself["licenses"] == [{"expression": "Apache-2.0"}]
    assert re.fullmatch("[0-9a-f]{64}", itself["hashes"][0]["content"])


def test_the_bill_names_every_requirement(bill: dict[str, Any]) -> None:
    required = importlib.metadata.requires("opt-tool")
    assert required is not None
    always = {re.split("[<>=;]", text)[0] for text in required if "extra ==" not in text}
    parts = bill["components"]
    names = {part["name"] for part in parts if part["scope"] == "required"}
    assert names == always | {"@dagrejs/dagre"}
    assert "opencv-python-headless" in {p["name"] for p in parts if p["scope"] == "optional"}


def test_the_references_of_the_bill_are_whole(bill: dict[str, Any]) -> None:
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(set(references)) == len(references)
    (dependency,) = bill["dependencies"]
    assert dependency["ref"] == bill["metadata"]["component"]["bom-ref"]
    assert dependency["dependsOn"] == sorted(references)


def test_the_same_wheel_gives_the_same_bill(wheel: Path, bill: dict[str, Any]) -> None:
    assert json.dumps(bill_of(wheel)) == json.dumps(bill)
