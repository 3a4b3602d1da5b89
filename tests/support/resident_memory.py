"""What of a process lies in memory, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def resident_bytes(path: Path) -> int:
    """How much of a mapped file this process holds in memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            rss = next(entry for entry in lines if entry.startswith("Rss:"))
            return int(rss.split()[1]) * 1024
    return 0
