"""What would be left behind if the process had to end at once: unfinished files and folders.

Exceptions leave the blocks that made them, which take them away. A process that is ended while
native code runs leaves no block: it takes away what is noted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_unfinished: set[Path] = set()  # of the process, as the files are


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A file or folder that must not stay if the process ends inside of the block."""
    _unfinished.add(path)
    try:
        yield path
    finally:
        _unfinished.discard(path)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone after the block."""
    import tempfile  # takes as long as two of opt's own folders, and few conversions need it

    with (
        tempfile.TemporaryDirectory(prefix="opt-") as name,
        unfinished(Path(name)) as folder,
    ):
        yield folder


def remove_leftovers() -> None:
    """Remove everything unfinished."""
    for path in tuple(_unfinished):
        if path.is_dir():
            import shutil  # as above

            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
