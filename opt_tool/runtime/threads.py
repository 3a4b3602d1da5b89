"""How many threads BLAS uses."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import LibController, ThreadpoolController


@functools.cache
def controller() -> ThreadpoolController:
    """What looks through the libraries that are loaded by now: NumPy's BLAS."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _blas() -> list[LibController]:
    return [one for one in controller().lib_controllers if one.user_api == "blas"]


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let BLAS use so many threads, and as many as before afterwards.

    The controller's own way to do so looks up much about each library, in every run.
    """
    before = [(library, library.num_threads) for library in _blas()]
    changed = [(library, count) for library, count in before if count != threads]
    try:
        for library, _ in changed:
            library.set_num_threads(threads)
        yield
    finally:
        for library, count in changed:
            library.set_num_threads(count)


def multiplies_small(threads: int) -> bool:
    """Whether BLAS is fast at small products, see ``opt_tool.kernels.products``."""
    return threads == 1 and any(
        (library.internal_api, getattr(library, "architecture", None)) == ("openblas", "SkylakeX")
        for library in _blas()
    )
