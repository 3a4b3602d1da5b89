from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from opt_tool.api.quantization_plot import check_plot, plot_quantization
from opt_tool.api.report import QuantizationReport, QuantizedLayer
from opt_tool.errors import UsageError

LAYERS = (
    QuantizedLayer("conv2d", "stem", "w0", 16, 4000, 2000, 90.0, 20.0),
    QuantizedLayer("conv2d", "body", "w1", 4, 40000, 10000, 30.0, 40.0),
    QuantizedLayer("fc", "head", "w2", 32, 8000, 8000, None, None),
)
REPORT = QuantizationReport("mixed", "best", LAYERS, bytes_before=52000, bytes_after=20000)


def test_draws_a_picture(tmp_path: Path) -> None:
    plot_quantization(REPORT, tmp_path / "layers.png")
    assert (tmp_path / "layers.png").read_bytes().startswith(b"\x89PNG")


def test_names_layers_widths_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "layers.svg"
    plot_quantization(REPORT, path)
    text = path.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    for word in ("stem", "body", "head", "16 bits", "8 bits", "weight", "in this layer alone"):
        assert f"<!-- {word} -->" in text or word in text, word


def test_says_nothing_of_outputs_that_were_not_measured(tmp_path: Path) -> None:
    layers = (QuantizedLayer("fc", "head", "w", 8, 8000, 2000, 40.0),)
    plot_quantization(QuantizationReport("int8", "best", layers), tmp_path / "layers.svg")
    assert "in this layer alone" not in (tmp_path / "layers.svg").read_text(encoding="utf-8")


def test_equal_reports_give_equal_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.svg", "b.svg")]
    for file in files:
        plot_quantization(REPORT, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_refuses_other_kinds_of_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        check_plot(tmp_path / "layers.pdf")


def test_says_what_installs_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(UsageError, match=r"pip install 'opt-tool\[plot\]'"):
        check_plot(tmp_path / "layers.png")
