"""A limit on memory, so that a model that needs more ends with a sentence.

Without one the system ends whatever process it likes, or the machine swaps until nobody can
use it. Weights that are mapped from a file do not count: the system drops them when it must.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from opt_tool.errors import MemoryLimitError

SHARE = 0.8
"""So much of the machine's memory may be taken unless the user says otherwise."""


def default_limit() -> int | None:
    """The bytes that may be taken by default; None where the machine does not tell its size."""
    if sys.platform != "linux":
        return None
    return int(SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


@contextmanager
def limited_memory(limit: int | None) -> Iterator[None]:
    """Let the process take ``limit`` bytes at most; None leaves what it may as it is.

    Raises:
        MemoryLimitError: when more is asked for.
    """
    try:
        with _limited(limit):
            yield
    except MemoryError as error:
        raise MemoryLimitError(limit, str(error)) from error


@contextmanager
def _limited(limit: int | None) -> Iterator[None]:
    """Set the system's limit on data, which counts what is allocated but not mapped files."""
    if limit is None or sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [bound for bound in (limit, *before) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
