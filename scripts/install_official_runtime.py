"""Make a Python environment with an official Paddle Lite runtime, for tests and comparisons.

    python scripts/install_official_runtime.py [--version 2.13|2.12|2.10]

The wheels need an older Python each and NumPy 1, so each lives in an environment of its own,
``.cache/official-VERSION``. It is made beside its place and renamed, so that it is there whole or
not at all; one that is there and works is left alone. Exit codes: 0 it is there; 1 it could not be
made; 3 the Python that it needs is not on this machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
NO_PYTHON = 3


@dataclass(frozen=True)
class Runtime:
    """What an official runtime needs.

    Attributes:
        python: The Python version that its wheel is made for.
        packages: What pip installs.
    """

    python: str
    packages: tuple[str, ...]


RUNTIMES: Mapping[str, Runtime] = {
    "2.13": Runtime("3.10", ("paddlelite==2.13rc0", "numpy<2")),
    "2.12": Runtime("3.7", ("paddlelite==2.12", "numpy<2")),
    "2.10": Runtime("3.9", ("paddlelite==2.10", "numpy<2")),
}

CHECK = """
import numpy
from paddlelite.lite import MobileConfig, create_paddle_predictor
assert numpy.__version__.startswith("1.")
"""


class InstallError(Exception):
    """The environment could not be made."""


def find_python(version: str) -> Path | None:
    """An interpreter of this Python version that runs, wherever machines keep them."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in _candidates(version):
        if _output([str(candidate), "-I", "-c", probe]) == version:
            return candidate
    return None


def install(version: str, cache: Path = CACHE) -> Path:
    """The environment's interpreter; it is made where it is missing or broken."""
    runtime = RUNTIMES[version]
    place = cache / f"official-{version}"
    if _works(place):
        return place / "bin" / "python"
    python = find_python(runtime.python)
    if python is None:
        raise LookupError(
            f"the official runtime {version} needs Python {runtime.python}, and none was found"
            f" (looked for: python{runtime.python} on the path, pyenv's and uv's). Install it,"
            f" for example with 'pyenv install {runtime.python}' or"
            f" 'uv python install {runtime.python}', and run this again"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="official-part-", dir=cache) as folder:
        part = Path(folder) / "environment"
        _make(python, runtime, part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    return place / "bin" / "python"


def _candidates(version: str) -> Iterator[Path]:
    found = shutil.which(f"python{version}")
    if found is not None:
        yield Path(found)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted((root / "versions").glob(f"{version}.*/bin/python"), reverse=True)
    uv = shutil.which("uv")
    if uv is not None:
        for command in (("find",), ("install",), ("find",)):
            path = _output([uv, "python", *command, version])
            if command == ("find",) and path:
                yield Path(path)


def _output(command: Sequence[str]) -> str:
    """What a command prints; nothing if it fails or cannot be run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _works(environment: Path) -> bool:
    python = environment / "bin" / "python"
    return python.exists() and _output([str(python), "-I", "-c", CHECK + "print('yes')"]) == "yes"


def _make(python: Path, runtime: Runtime, environment: Path) -> None:
    _must([str(python), "-m", "venv", str(environment)])
    inside = str(environment / "bin" / "python")
    _must([inside, "-m", "pip", "install", "--quiet", *runtime.packages])
    _must([inside, "-I", "-c", CHECK])


def _must(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = [line for line in result.stderr.splitlines() if not line.startswith("WARNING")]
        raise InstallError(
            f"'{' '.join(command)}' failed; the wheels are for Linux on x86-64, and the package"
            " index must be within reach. Its last words:\n    " + "\n    ".join(words[-5:])
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the runtime that the command line names."""
    parser = argparse.ArgumentParser(description="Install an official Paddle Lite runtime.")
    parser.add_argument("--version", choices=RUNTIMES, default="2.13")
    options = parser.parse_args(arguments)
    try:
        print(install(options.version))
    except LookupError as error:
        print(f"install_official_runtime: {error.args[0]}", file=sys.stderr)
        return NO_PYTHON
    except InstallError as error:
        print(f"install_official_runtime: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
