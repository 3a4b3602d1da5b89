"""The command line: each command parses, calls the library and prints."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; an interrupt while it is imported ends it like a later one."""
    try:
        from opt_tool.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: nothing was done\n")
        sys.exit(INTERRUPTED)
    run()


__all__ = ["INTERRUPTED", "main"]
