from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from hostile_models import trial
from opt_tool.api.output_file import check_output, output_file, write_text
from opt_tool.errors import FileAccessError

NOBODY = 65534


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_the_whole_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.nb"
    with output_file(path) as part:
        part.write_bytes(b"whole")
        assert part.parent == tmp_path
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.nb"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_leaves_nothing_behind_when_the_work_ends_early(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "out.nb"
    path.write_bytes(b"old")

    def work() -> None:
        with output_file(path) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        work()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.nb"]


def test_a_full_disk_is_the_users_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No space left"), output_file(tmp_path / "out.nb"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_respects_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with output_file(tmp_path / "out.nb"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "out.nb").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o755])
def test_keeps_the_permissions_of_the_file_that_it_replaces(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "out.nb"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == mode


def test_writes_through_a_link_to_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "real.nb").write_bytes(b"old")
    (tmp_path / "link.nb").symlink_to(tmp_path / "real.nb")
    write_text(tmp_path / "link.nb", "new")
    assert (tmp_path / "link.nb").is_symlink()
    assert (tmp_path / "real.nb").read_text() == "new"


def test_refuses_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    places = {
        "folder": "is a folder",
        "missing/out.nb": "does not exist",
        "file/out.nb": "is a file, not a folder",
        "pipe": "not a regular file",
    }
    for place, fact in places.items():
        with pytest.raises(FileAccessError, match=fact):
            check_output(tmp_path / place)


def test_refuses_to_overwrite_an_input(tmp_path: Path) -> None:
    path = tmp_path / "model.nb"
    path.touch()
    (tmp_path / "other.nb").symlink_to(path)
    with pytest.raises(FileAccessError, match="is the input"):
        check_output(tmp_path / "other.nb", [path])


def test_refuses_a_folder_without_the_permission_to_write() -> None:
    """In a process of an ordinary user: root may write anywhere."""

    def refused() -> int:
        if os.geteuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
        with pytest.raises(FileAccessError, match="cannot be written to"):
            check_output(folder / "out.nb")
        return 0

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        outcome = trial.attempt(refused)
    assert outcome.code == 0, outcome.said
