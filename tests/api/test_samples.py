from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.api.samples import SampleFolder
from opt_tool.errors import FileAccessError, UsageError
from opt_tool.ir import DType, TensorType

IMAGE = TensorType(DType.FLOAT32, (1, 3, 4, 5))
ONE = {"image": IMAGE}
TWO = {"image": IMAGE, "ids": TensorType(DType.INT64, ("batch", 7))}


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_reads_a_sample_from_each_file_in_the_order_of_names(tmp_path: Path) -> None:
    arrays = {name: numbers(1, 3, 4, 5).astype(np.float32) + i for i, name in enumerate("cab")}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    samples = SampleFolder(tmp_path, ONE)
    assert len(samples) == 3
    for sample, name in zip(samples, "abc", strict=True):
        np.testing.assert_array_equal(sample["image"], arrays[name])
    assert len(samples[1:]) == 2
    assert len(SampleFolder(tmp_path, ONE, limit=2)) == 2


def test_adds_a_batch_axis_and_drops_precision(tmp_path: Path) -> None:
    array = numbers(3, 4, 5)
    np.save(tmp_path / "a.npy", array)
    (sample,) = SampleFolder(tmp_path, ONE)
    assert sample["image"].shape == (1, 3, 4, 5)
    assert sample["image"].dtype.name == "float32"
    np.testing.assert_array_equal(sample["image"][0], array.astype(np.float32))


def test_the_rows_of_an_array_are_samples_where_the_model_takes_one(tmp_path: Path) -> None:
    array = numbers(6, 3, 4, 5).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    samples = SampleFolder(tmp_path, ONE)
    assert len(samples) == 6
    np.testing.assert_array_equal(samples[4]["image"], array[4:5])


def test_an_array_is_one_sample_where_the_batch_is_open(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", numbers(6, 3, 4, 5).astype(np.float32))
    open_batch = {"image": TensorType(DType.FLOAT32, ("n", 3, 4, 5))}
    (sample,) = SampleFolder(tmp_path, open_batch)
    assert sample["image"].shape == (6, 3, 4, 5)


def test_reads_several_inputs_by_name(tmp_path: Path) -> None:
    ids = np.arange(14, dtype=np.int32).reshape(2, 7)
    np.savez(tmp_path / "a.npz", ids=ids, image=numbers(3, 4, 5), more=ids)
    (sample,) = SampleFolder(tmp_path, TWO)
    assert list(sample) == ["image", "ids"]
    assert sample["ids"].dtype == np.int64


def test_other_files_are_named_and_hidden_ones_and_folders_are_not(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", numbers(3, 4, 5))
    (tmp_path / "labels.txt").write_text("cat")
    (tmp_path / ".hidden.npy").touch()
    (tmp_path / "more").mkdir()
    samples = SampleFolder(tmp_path, ONE)
    assert len(samples) == 1
    assert [path.name for path in samples.skipped] == ["labels.txt"]


@pytest.mark.parametrize(
    ("array", "fact"),
    [
        (numbers(1, 3, 5, 4), r"must be float32\[1, 3, 4, 5\], found float64\[1, 3, 5, 4\]"),
        (np.ones((1, 3, 4, 5), np.uint8), r"found uint8"),
        (numbers(5), r"found float64\[5\]"),
    ],
    ids=["shape", "dtype", "rank"],
)
def test_refuses_arrays_that_do_not_fit(tmp_path: Path, array: np.ndarray, fact: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match=fact):
        list(SampleFolder(tmp_path, ONE))


def test_says_what_a_folder_lacks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no samples"):
        SampleFolder(tmp_path, ONE)
    with pytest.raises(FileAccessError, match="no such folder"):
        SampleFolder(tmp_path / "missing", ONE)
    np.save(tmp_path / "a.npy", numbers(3, 4, 5))
    with pytest.raises(UsageError, match=r"give .npz files"):
        SampleFolder(tmp_path, TWO)
    with pytest.raises(FileAccessError, match="is no folder"):
        SampleFolder(tmp_path / "a.npy", ONE)


def test_says_which_input_an_archive_lacks(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=numbers(3, 4, 5))
    with pytest.raises(UsageError, match="holds no array 'ids'"):
        list(SampleFolder(tmp_path, TWO))
