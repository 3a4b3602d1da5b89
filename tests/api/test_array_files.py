from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.api.array_files import load_archive, load_array
from opt_tool.errors import DamagedFileError, FileAccessError

NUMBERS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good and bad files of arrays."""
    np.save(tmp_path / "one.npy", NUMBERS)
    np.savez(tmp_path / "two.npz", a=NUMBERS, b=NUMBERS + 1)
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", np.array([{}], object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("1 2 3")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "cut.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:200])
    return tmp_path


@pytest.mark.parametrize("mapped", [False, True])
def test_reads_an_array(folder: Path, mapped: bool) -> None:
    np.testing.assert_array_equal(load_array(folder / "one.npy", mapped=mapped), NUMBERS)


def test_reads_the_arrays_of_an_archive_by_name(folder: Path) -> None:
    arrays = load_archive(folder / "two.npz")
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["b"], NUMBERS + 1)


@pytest.mark.parametrize("name", ["text.npy", "empty.npy", "objects.npy", "two.npz"])
def test_refuses_what_is_no_array(folder: Path, name: str) -> None:
    with pytest.raises(DamagedFileError):
        load_array(folder / name)


@pytest.mark.parametrize("name", ["text.npy", "empty.npy", "objects.npz", "one.npy", "cut.npz"])
def test_refuses_what_is_no_archive(folder: Path, name: str) -> None:
    with pytest.raises(DamagedFileError):
        load_archive(folder / name)


def test_says_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="no such file"):
        load_array(tmp_path / "missing.npy")
    with pytest.raises(FileAccessError, match="cannot be read"):
        load_archive(tmp_path)
