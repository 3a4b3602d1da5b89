"""The command line: each command parses, calls the library and prints."""

from __future__ import annotations

import gc
import os
import sys

INTERRUPTED = 130

GARBAGE_THRESHOLDS = (100_000, 20, 20)
"""How many new objects start a collection: starting up makes more than Python expects."""


ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""What NumPy's BLAS starts with; it takes a tenth of a second to start threads that no command
needs before ``--threads`` asks for them, which it is told then."""


def main() -> None:
    """Run the command line; an interrupt while it is imported ends it like a later one."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    os.environ.setdefault(*ONE_THREAD)
    try:
        from opt_tool.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: nothing was done\n")
        sys.exit(INTERRUPTED)
    run()


__all__ = ["INTERRUPTED", "main"]
