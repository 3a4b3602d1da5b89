"""How many threads BLAS uses."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

_CONTROLLER = ThreadpoolController()  # looks through the libraries loaded so far: NumPy's BLAS


def limited_threads(threads: int) -> AbstractContextManager[object]:
    """Let BLAS use so many threads, and as many as before afterwards."""
    return _CONTROLLER.limit(limits=threads, user_api="blas")
