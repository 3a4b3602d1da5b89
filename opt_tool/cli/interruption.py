"""Ends the process within a second of a signal, even in the middle of native code.

Python hands a signal on when the main thread runs Python again, and a large product may keep
it for a minute. So a second thread is told of each signal as well; where the main thread has
not left soon after it, that thread removes what is unfinished and ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

from opt_tool.api.leftovers import remove_leftovers
from opt_tool.cli import INTERRUPTED

GRACE = 0.7
"""So many seconds the main thread has to leave by itself."""

CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: 128 + signal.SIGTERM}


class Interruption:
    """Takes SIGINT and SIGTERM; ``code`` is the exit code of the one that came, or None."""

    def __init__(self) -> None:
        self.code: int | None = None

    def watch(self) -> None:
        """Take the signals from now on, but for those that the process is to ignore."""
        taken = [number for number in CODES if signal.getsignal(number) is not signal.SIG_IGN]
        for number in taken:
            signal.signal(number, self._leave)
        if os.name == "posix" and taken:
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
            threading.Thread(target=self._end_late, args=(reading,), daemon=True).start()

    def _leave(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Leave by an exception, so that nothing half written stays."""
        self.code = CODES[signal.Signals(number)]
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(self.code)

    def _end_late(self, reading: int) -> None:
        """The second thread: end the process where the main thread has not."""
        while (number := signal.Signals(os.read(reading, 1)[0])) not in CODES:
            pass
        time.sleep(GRACE)
        remove_leftovers()
        if self.code is None:  # the main thread has not even said so
            os.write(sys.stderr.fileno(), b"Interrupted: nothing half done was left\n")
        os._exit(CODES[number])
