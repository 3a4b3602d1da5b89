from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


def test_a_conversion_is_drawn_before_and_after(tmp_path: Path) -> None:
    model, page = classifier(tmp_path / "model.onnx"), tmp_path / "page.html"
    result = opt(
        *("convert", model, "-o", tmp_path / "model.nb", "--visualize", page),
        *("--quantize", "int8"),
    )
    assert result.exit_code == 0, result.stderr
    before, after = drawings(page)
    assert before["title"] == "before: model.onnx"
    assert after["title"] == "after: arm, Paddle Lite 2.13"
    assert [len(drawing["boxes"]) for drawing in (before, after)] == [8, 7]
    first = after["boxes"][1]["weights"][0]["quantization"]
    assert first["measured"]
    assert first["sqnr_db"] > 20
    assert before["boxes"][1]["weights"][0]["quantization"] is None
    assert [drawing["boxes"][1]["library"] for drawing in (before, after)] == [None, "basic"]


def test_a_conversion_draws_only_pages(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = opt("convert", model, "-o", tmp_path / "model.nb", "--visualize", tmp_path / "a.svg")
    assert result.exit_code == 2
    assert not (tmp_path / "model.nb").exists()


def drawings(page: Path) -> list[dict[str, Any]]:
    """What a page draws."""
    text = page.read_text(encoding="utf-8")
    _, _, data = text.partition('<script id="data" type="application/json">')
    found: list[dict[str, Any]] = json.loads(data.partition("</script>")[0])["drawings"]
    return found
