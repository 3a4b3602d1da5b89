"""How many threads BLAS uses."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

_CONTROLLER = ThreadpoolController()  # looks through the libraries loaded so far: NumPy's BLAS


def limited_threads(threads: int) -> AbstractContextManager[object]:
    """Let BLAS use so many threads, and as many as before afterwards."""
    return _CONTROLLER.limit(limits=threads, user_api="blas")


def multiplies_small(threads: int) -> bool:
    """Whether BLAS is fast at small products, see ``opt_tool.kernels.products``."""
    blas = (library for library in _CONTROLLER.lib_controllers if library.user_api == "blas")
    return threads == 1 and any(
        (library.internal_api, getattr(library, "architecture", None)) == ("openblas", "SkylakeX")
        for library in blas
    )
