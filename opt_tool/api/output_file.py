"""Writes a file beside its place and renames it, so that nobody ever sees half of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from opt_tool.api.leftovers import unfinished
from opt_tool.errors import FileAccessError


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Find out before the work whether a file can be written at its end.

    Raises:
        FileAccessError: when the folder is missing or not writable, when something that is
            not a file is in the way, or when an input would be overwritten.
    """
    folder = path.resolve().parent
    if path.is_dir():
        raise FileAccessError(path, "is a folder; give the name of the file to write")
    if not folder.exists():
        raise FileAccessError(path, f"the folder {folder} does not exist; make it first")
    if not folder.is_dir():
        raise FileAccessError(path, f"{folder} is a file, not a folder")
    if path.exists() and not path.is_file():
        raise FileAccessError(path, "is not a regular file; it would be replaced")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileAccessError(path, f"the folder {folder} cannot be written to")
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise FileAccessError(path, "is the input; give the output another name")


@contextmanager
def output_file(path: Path, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """A new file beside ``path`` to write to; it takes the place of ``path`` at the end.

    Nothing is left behind when the block is left by an exception. A file that was there
    before hands its permissions on.

    Raises:
        FileAccessError: when the file cannot be written.
    """
    check_output(path, inputs)
    place = path.resolve()  # through a link, to the file that it names
    part = place.with_name(f".{place.name}.{os.urandom(4).hex()}.part")
    try:
        with unfinished(part):
            _create(part)
            yield part
            _flush(part)
            if place.exists():
                part.chmod(stat.S_IMODE(place.stat().st_mode))
            part.replace(place)
        _flush(place.parent)
    except OSError as error:
        raise FileAccessError(path, f"cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _create(path: Path) -> None:
    """Make an empty file with the permissions that any new file gets."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder where there is none.

    Raises:
        FileAccessError: when it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            path, f"cannot be made a folder: {error.strerror or error}"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a small text file whole or not at all."""
    with output_file(path) as part:
        part.write_text(text, encoding="utf-8")
