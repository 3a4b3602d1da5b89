"""How many threads BLAS uses."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@functools.cache
def controller() -> ThreadpoolController:
    """What looks through the libraries that are loaded by now: NumPy's BLAS."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def limited_threads(threads: int) -> AbstractContextManager[object]:
    """Let BLAS use so many threads, and as many as before afterwards."""
    return controller().limit(limits=threads, user_api="blas")


def multiplies_small(threads: int) -> bool:
    """Whether BLAS is fast at small products, see ``opt_tool.kernels.products``."""
    blas = (library for library in controller().lib_controllers if library.user_api == "blas")
    return threads == 1 and any(
        (library.internal_api, getattr(library, "architecture", None)) == ("openblas", "SkylakeX")
        for library in blas
    )
