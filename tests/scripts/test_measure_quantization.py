"""The script that measures methods of quantization, on a little of what it measures."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

import measure_quantization
from opt_tool.api.quantization import QuantizationOptions
from small_models import classifier

COLUMNS = 8


@pytest.fixture
def fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 200 random pictures in place of each part of Fashion-MNIST."""
    rng = np.random.default_rng(0)
    for part in ("t10k", "train"):
        pictures = rng.integers(0, 256, (200, 784), dtype=np.uint8)
        labels = rng.integers(0, 10, 200, dtype=np.uint8)
        for name, header, array in (("images-idx3", 16, pictures), ("labels-idx1", 8, labels)):
            data = gzip.compress(bytes(header) + array.tobytes())
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(data)
    monkeypatch.setattr(measure_quantization, "PICTURES", 100)
    return tmp_path


def table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> list[list[str]]:
    """The lines that the script prints below its header, as cells."""
    monkeypatch.setattr(sys, "argv", ["measure_quantization.py", *map(str, arguments)])
    measure_quantization.main()
    lines = capsys.readouterr().out.splitlines()
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert {len(cells) for cells in found} == {COLUMNS}
    return found[2:]


def test_measures_both_parts_of_fashion_mnist(
    fashion: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(monkeypatch, capsys, "--fashion", fashion, "--methods", "parity", "--bits", "8,4")
    assert [(cells[0], cells[1]) for cells in lines] == [
        ("fmnist_mbv2s", "32"),
        ("fmnist_mbv2s", "8"),
        ("fmnist_mbv2s", "4"),
        ("fmnist_mbv2s (train)", "32"),
        ("fmnist_mbv2s (train)", "4"),
    ]
    noise = [float(cells[4].removesuffix(" dB")) for cells in lines if cells[4]]
    assert noise[0] > 30 > noise[1] > 5
    assert {cells[6] for cells in lines} != {""}


def test_measures_the_drift_of_any_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = classifier(tmp_path / "small.onnx")
    lines = table(
        monkeypatch, capsys, "--pictures", model, "--methods", "parity,best", "--bits", "8"
    )
    assert [(cells[0], cells[2]) for cells in lines] == [("small", "parity"), ("small", "best")]
    assert all(float(cells[3]) < 1 for cells in lines)
    assert all(float(cells[4].removesuffix(" dB")) > 20 for cells in lines)


def test_the_size_is_that_of_the_file(fashion: Path) -> None:
    task = measure_quantization.fashion_task(fashion)
    graph, _ = task.graph(None)
    small, _ = task.graph(QuantizationOptions(mode="int8"))
    sizes = [measure_quantization.file_bytes(g) for g in (graph, small)]
    assert 0.25 < sizes[1] / sizes[0] < 0.5
