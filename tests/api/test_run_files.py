from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.api.run_files import run_files
from opt_tool.errors import FileAccessError, UsageError
from small_models import classifier

IMAGE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    np.save(tmp_path / "image.npy", IMAGE)
    return classifier(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["image", ""])
def test_writes_each_output_to_a_file_of_its_name(tmp_path: Path, model: Path, name: str) -> None:
    report = run_files(model, {name: tmp_path / "image.npy"}, tmp_path / "new" / "results")
    (output,) = report.outputs
    assert output.file == str(tmp_path / "new" / "results" / "probabilities.npy")
    assert np.load(output.file).shape == output.shape == (1, 5)


def test_says_which_inputs_are_needed(tmp_path: Path, model: Path) -> None:
    with pytest.raises(UsageError, match=r"image \(float32\[1, 3, 16, 16\]\)"):
        run_files(model, {}, tmp_path)


def test_an_output_directory_that_is_a_file_is_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(FileAccessError, match="cannot be made"):
        run_files(model, {"": tmp_path / "image.npy"}, model)
