"""How much memory the process takes, and giving back what it does not need."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_rss_bytes() -> int | None:
    """The most memory that this process ever had resident; None where nobody counts it."""
    if STATUS.exists():  # what getrusage says on Linux includes the process that started this one
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def release_freed_memory() -> None:
    """Collect graphs that nothing refers to and give their memory back to the system.

    Graphs are full of cycles, and the C library keeps what is freed for later; the next
    stage would add a model's weights to those of the last one.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)
