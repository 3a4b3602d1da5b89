"""What ``opt quantize`` takes and says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from command_line import opt, opt_json
from opt_tool.cli import quantization_options
from opt_tool.passes.quantization.method import DEFAULT_METHOD, METHODS
from small_models import classifier

IMAGES = np.random.default_rng(0).random((3, 3, 16, 16), np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


def test_takes_every_method_that_there_is() -> None:
    assert set(quantization_options.METHODS) == set(METHODS)
    assert quantization_options.METHODS[0] == DEFAULT_METHOD


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_file_that_passes(tmp_path: Path, model: Path, method: str) -> None:
    nb = tmp_path / "out.nb"
    data = opt_json("quantize", model, "-o", nb, "--no-calib", "--method", method)
    assert data["verification"]["status"] == "passed"
    assert data["quantization"]["method"] == method
    assert nb.is_file()


def test_says_that_memory_and_speed_stay(tmp_path: Path, model: Path) -> None:
    result = opt("quantize", model, "-o", tmp_path / "out.nb", "--no-calib")
    assert "memory and speed stay as they are" in result.stdout
    for word in ("bits", "bytes before", "SQNR dB"):
        assert word in result.stderr


def test_mixed_measures_on_samples_and_draws_what_it_found(tmp_path: Path, model: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    np.save(samples / "images.npy", IMAGES)
    (samples / "notes.txt").write_text("no sample")
    plot = tmp_path / "layers.svg"
    result = opt(
        *("quantize", model, "-o", tmp_path / "out.nb", "--no-calib", "--bits", "mixed"),
        *("--max-error", 45, "--samples", samples, "--plot", plot),
    )
    assert result.exit_code == 0
    assert "dB of 45 asked for; most sensitive is" in result.stdout
    assert "above the smallest choice" in result.stdout
    assert "notes.txt are no samples and were left out" in result.stderr
    assert "<svg" in plot.read_text(encoding="utf-8")


def test_refuses_a_plot_of_another_kind_before_the_work(tmp_path: Path, model: Path) -> None:
    nb = tmp_path / "out.nb"
    result = opt("quantize", model, "-o", nb, "--no-calib", "--plot", tmp_path / "layers.pdf")
    assert result.exit_code == 2
    assert not nb.exists()


def test_names_decide_for_layers(tmp_path: Path, model: Path) -> None:
    command = ("quantize", model, "-o", tmp_path / "out.nb", "--no-calib")
    layers = opt_json(*command)["quantization"]["layers"]
    first, last = layers[0]["node"], layers[-1]["weight"]
    named = opt_json(*command, "--keep-float", first, "--bits-for", f"{last}=16")
    bits = [layer["bits"] for layer in named["quantization"]["layers"]]
    assert (bits[0], bits[-1]) == (32, 16)


def test_quantizes_again_only_when_forced(tmp_path: Path, model: Path) -> None:
    first, second = tmp_path / "first.nb", tmp_path / "second.nb"
    assert opt("quantize", model, "-o", first, "--no-calib").exit_code == 0
    refused = opt("quantize", first, "-o", second, "--no-calib")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert opt("quantize", first, "-o", second, "--no-calib", "--force").exit_code == 0
