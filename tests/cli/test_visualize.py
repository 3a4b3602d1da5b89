from __future__ import annotations

from pathlib import Path

import pytest

from command_line import opt, opt_json
from small_models import classifier


@pytest.mark.parametrize(
    ("name", "start"),
    [("graph.html", "<!DOCTYPE html>"), ("graph.SVG", "<?xml"), ("graph.dot", "digraph")],
)
def test_the_name_says_the_form(tmp_path: Path, name: str, start: str) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = opt("visualize", model, "-o", tmp_path / name)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"wrote {tmp_path / name}: ")
    assert result.stdout.endswith("8 nodes and 7 arrows\n")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_a_file_is_drawn_with_its_kernels(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    opt("convert", model, "-o", tmp_path / "model.nb", "--target", "x86", "--no-verify")
    data = opt_json("visualize", tmp_path / "model.nb", "-o", tmp_path / "graph.html")
    assert (data["format"], data["nodes"], data["arrows"]) == ("html", 7, 6)
    assert data["bytes"] == (tmp_path / "graph.html").stat().st_size
    page = (tmp_path / "graph.html").read_text(encoding="utf-8")
    assert '"kernel":"conv2d/def/2/1/1","library":"basic"' in page


def test_another_ending_is_wrong_usage(tmp_path: Path) -> None:
    result = opt("visualize", classifier(tmp_path / "model.onnx"), "-o", tmp_path / "graph.png")
    assert result.exit_code == 2
    assert "must end in .html, .htm, .svg, .dot" in result.stderr


def test_the_model_is_never_overwritten(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.dot")
    before = model.read_bytes()
    assert opt("visualize", model, "-o", model).exit_code == 6
    assert model.read_bytes() == before
