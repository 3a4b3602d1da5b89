from __future__ import annotations

from pathlib import Path

from opt_tool.api.leftovers import remove_leftovers, temporary_folder, unfinished


def test_what_is_unfinished_can_be_removed_at_any_moment(tmp_path: Path) -> None:
    part, done = tmp_path / "a.part", tmp_path / "a"
    with unfinished(done):
        done.touch()
    with unfinished(part), temporary_folder() as folder:
        part.touch()
        (folder / "copy").touch()
        remove_leftovers()
        assert not part.exists()
        assert not folder.exists()
        folder.mkdir()  # as its own block is still to remove it
    assert done.exists()


def test_a_temporary_folder_is_gone_after_its_block() -> None:
    with temporary_folder() as folder:
        (folder / "copy").touch()
    assert not folder.exists()
