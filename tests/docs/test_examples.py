"""Every example script runs, prints what it says, and stands in the documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import opt_tool

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
MODEL = ROOT / "tests" / "data" / "fmnist_mbv2s.onnx"
ARGUMENTS = {
    "convert": ["MODEL", "new.nb"],
    "run": ["MODEL"],
    "verify": ["MODEL", "float.nb"],
    "quantize": ["MODEL", "small.nb"],
}
SAYS = {
    "convert": ["new.nb: ", "logits: largest difference ", "fuse-activation: "],
    "run": ["input input: ", "output logits: float32 (1, 10)", "logits: differs by "],
    "verify": ["passed on 3 samples", "logits: "],
    "quantize": ["bytes of weights became", " 8 bits, ", "logits: "],
}


def run_example(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [str(MODEL) if argument == "MODEL" else argument for argument in arguments]
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *words],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_example_runs_and_says_what_it_promises(name: str, tmp_path: Path) -> None:
    if name == "verify":
        opt_tool.convert(MODEL, tmp_path / "float.nb", verify=False)
    result = run_example(name, tmp_path, *ARGUMENTS[name])
    assert result.returncode == 0, result.stderr
    for words in SAYS[name]:
        assert words in result.stdout


def test_there_is_no_other_example() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(ARGUMENTS)


def test_an_example_shows_how_an_error_is_met(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("no model")
    result = run_example("convert", tmp_path, "bad.onnx", "new.nb")
    assert "bad.onnx: a text file, not a model" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_page_on_python_names_every_example(name: str) -> None:
    assert f"examples/{name}.py" in (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
