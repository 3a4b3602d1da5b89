"""Tries one thing in a forked child that has little memory and little time.

The parent has imported everything already; a child takes some milliseconds, and whatever
happens to it, crash, endless loop or memory, is seen from outside.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

MEMORY = 1 << 30
"""So much may be allocated beyond what the parent has."""

SECONDS = 10
"""So much CPU time may pass; the clock would count what else the machine does."""

UNCAUGHT = 99
OUT_OF_MEMORY = 98


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended: its exit code, or the signal that ended it as a negative number."""

    code: int
    said: str

    @property
    def summary(self) -> str:
        """The last line that was said, and after an exception where it was raised."""
        lines = self.said.strip().splitlines() or [""]
        frames = re.findall(
            r'File "[^"]*/((?:opt_tool|formats|passes|kernels)/[^"]*)", line (\d+)', self.said
        )
        place = ":".join(frames[-1]) if frames else ""
        return f"{lines[-1][:300]} {place}".strip()

    @property
    def description(self) -> str:
        if self.code == UNCAUGHT:
            return "uncaught exception"
        if self.code == OUT_OF_MEMORY:
            return f"more than {MEMORY >> 20} MiB were asked for"
        if self.code == -signal.SIGPROF:
            return f"no end after {SECONDS} s"
        return f"exit code {self.code}" if self.code >= 0 else signal.Signals(-self.code).name


def attempt(
    action: Callable[[], int], *, memory: int = MEMORY, seconds: float = SECONDS
) -> Outcome:
    """Run ``action`` in a child; what it returns is the exit code."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            _act(action, said.fileno(), memory, seconds)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return Outcome(os.waitstatus_to_exitcode(status), text)


def _act(action: Callable[[], int], said: int, memory: int, seconds: float) -> NoReturn:
    """The child's whole life."""
    code = UNCAUGHT
    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        gc.freeze()  # what the parent made is not looked through
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limit = _address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        code = action()
    except MemoryError:
        code = OUT_OF_MEMORY
        traceback.print_exc()
    except BaseException:  # whatever it is, it is what is looked for
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
