from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import opt_tool
from opt_tool.api.comparison import verify
from opt_tool.api.expected_arrays import by_output, holds_arrays, read_arrays
from opt_tool.errors import FileAccessError, UsageError
from small_models import classifier

A, B = np.arange(3.0), np.arange(4.0)
IMAGE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    np.save(tmp_path / "image.npy", IMAGE)
    return classifier(tmp_path / "model.onnx")


@pytest.fixture
def answer(model: Path) -> np.ndarray:
    return opt_tool.Session(model).run({"image": IMAGE})["probabilities"]


def test_knows_arrays_by_their_content(tmp_path: Path, model: Path) -> None:
    np.save(tmp_path / "a.npy", A)
    np.savez(tmp_path / "a.npz", A)
    (tmp_path / "a.npy").rename(tmp_path / "renamed.bin")
    (tmp_path / "empty").mkdir()
    assert holds_arrays(tmp_path / "renamed.bin")
    assert holds_arrays(tmp_path / "a.npz")
    assert holds_arrays(tmp_path)
    assert not holds_arrays(model)
    assert not holds_arrays(tmp_path / "empty")
    with pytest.raises(FileAccessError, match="no such file"):
        holds_arrays(tmp_path / "missing.npy")


def test_reads_a_file_an_archive_and_a_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", a=A, b=B)
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "a.npy", A)
    np.save(tmp_path / "folder" / "b.npy", B)
    assert list(read_arrays(tmp_path / "both.npz")) == ["a", "b"]
    assert list(read_arrays(tmp_path / "folder")) == ["a", "b"]
    assert list(read_arrays(tmp_path / "folder" / "a.npy")) == [""]


@pytest.mark.parametrize(
    ("arrays", "outputs", "order"),
    [
        ({"y": B, "x": A}, ["x", "y"], [A, B]),
        ({"layer_x_0": A}, ["layer/x:0"], [A]),
        ({"arr_0": A, "arr_1": B}, ["x", "y"], [A, B]),
        ({"": A}, ["x"], [A]),
        ({"x": A, "more": B}, ["x"], [A]),
    ],
    ids=["by name", "by file name", "in order", "the only one", "of more"],
)
def test_finds_the_array_of_each_output(
    arrays: dict[str, np.ndarray], outputs: list[str], order: list[np.ndarray]
) -> None:
    found = by_output(Path("a.npz"), arrays, outputs)
    assert list(found) == outputs
    assert all(a is b for a, b in zip(found.values(), order, strict=True))


@pytest.mark.parametrize("arrays", [{"a": A, "b": B}, {"arr_0": A}, {"": A}], ids=str)
def test_refuses_arrays_that_are_not_the_outputs(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(UsageError, match="the model's outputs are x, y"):
        by_output(Path("a.npz"), arrays, ["x", "y"])


@pytest.mark.parametrize("arrays_first", [True, False])
def test_a_model_is_compared_with_known_outputs(
    tmp_path: Path, model: Path, answer: np.ndarray, arrays_first: bool
) -> None:
    for name, shift, status in (("right", 0.0, "passed"), ("wrong", 0.01, "failed")):
        np.save(tmp_path / f"{name}.npy", answer + np.float32(shift))
        sides = (tmp_path / f"{name}.npy", model)
        report = verify(*(sides if arrays_first else sides[::-1]), inputs={"image": IMAGE})
        assert report.status == status
        assert [output.name for output in report.outputs] == ["probabilities"]
        assert report.inputs[0].name == "image"


def test_two_sets_of_outputs_are_compared(tmp_path: Path) -> None:
    for name, shift in (("a", 0.0), ("b", 0.0), ("c", 1.0)):
        np.savez(tmp_path / f"{name}.npz", x=A, y=B + shift)
    assert verify(tmp_path / "a.npz", tmp_path / "b.npz").status == "passed"
    report = verify(tmp_path / "a.npz", tmp_path / "c.npz")
    assert report.status == "failed"
    assert [output.max_abs_error for output in report.outputs] == [0.0, 1.0]


def test_known_outputs_need_the_one_input_that_they_are_for(
    tmp_path: Path, model: Path, answer: np.ndarray
) -> None:
    np.save(tmp_path / "known.npy", answer)
    with pytest.raises(UsageError, match="give those with --input"):
        verify(tmp_path / "known.npy", model)
    with pytest.raises(UsageError, match="leave --per-layer out"):
        verify(tmp_path / "known.npy", model, inputs={"image": IMAGE}, per_layer=True)
    with pytest.raises(UsageError, match="take no inputs"):
        verify(tmp_path / "known.npy", tmp_path / "known.npy", inputs={"image": IMAGE})
    (tmp_path / "samples").mkdir()
    for name in "ab":
        np.save(tmp_path / "samples" / f"{name}.npy", IMAGE)
    with pytest.raises(UsageError, match="one sample, there are 2"):
        verify(tmp_path / "known.npy", model, samples=tmp_path / "samples")
