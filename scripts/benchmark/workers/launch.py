"""Run a command and note what it cost; a small process of its own.

    python -I -S launch.py RESULT TIMEOUT COMMAND...

The peak of a child counts what its parent held when it was started, so the parent must be small.
RESULT gets a JSON object; everything that the command says goes where this process's output goes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time


def main() -> None:
    """Run the command of the command line."""
    result, timeout, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    timer = threading.Timer(timeout, os.killpg, (process.pid, 9))
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    measured = {
        "code": -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
        "wall_seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(measured, stream)


if __name__ == "__main__":
    main()
