"""Make a Python environment with an official Paddle Lite runtime, for tests and comparisons.

    python scripts/install_official_runtime.py [--version 2.13|2.12|2.10]

The wheels need an older Python each and NumPy 1, so each lives in an environment of its own,
``.cache/official-VERSION``; see reference_environments.py. Exit codes: 0 it is there; 1 it could
not be made; 3 the Python that it needs cannot be had.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reference_environments import CACHE, Environment, report_install
from reference_environments import install as install_environment

CHECK = """
import numpy
from paddlelite.lite import MobileConfig, create_paddle_predictor
assert numpy.__version__.startswith("1.")
"""


def _runtime(version: str, wheel: str, python: str) -> Environment:
    packages = (f"paddlelite=={wheel}", "numpy<2")
    return Environment(f"official-{version}", (python,), packages, CHECK)


RUNTIMES: Mapping[str, Environment] = {
    "2.13": _runtime("2.13", "2.13rc0", python="3.10"),
    "2.12": _runtime("2.12", "2.12", python="3.7"),
    "2.10": _runtime("2.10", "2.10", python="3.9"),
}


def install(version: str, cache: Path = CACHE) -> Path:
    """The interpreter of a runtime's environment, made where it is missing or broken."""
    return install_environment(RUNTIMES[version], cache)


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the runtime that the command line names."""
    parser = argparse.ArgumentParser(description="Install an official Paddle Lite runtime.")
    parser.add_argument("--version", choices=RUNTIMES, default="2.13")
    options = parser.parse_args(arguments)
    return report_install("install_official_runtime", [options.version], install)


if __name__ == "__main__":
    sys.exit(main())
