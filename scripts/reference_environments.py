"""Python environments with what tests compare with, each of which needs a Python of its own.

An environment is made beside its place and renamed, so that it is there whole or not at all; one
that is there and works is left alone. A Python that the machine lacks is fetched with uv.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
FAILED, NO_PYTHON = 1, 3
"""Exit codes: an environment could not be made; the Python that it needs cannot be had."""


@dataclass(frozen=True)
class Environment:
    """What an environment needs.

    Attributes:
        folder: Its name in the cache.
        pythons: The Python versions that its packages are made for, the best first.
        packages: What pip installs.
        check: Code that runs where it works.
    """

    folder: str
    pythons: tuple[str, ...]
    packages: tuple[str, ...]
    check: str

    def interpreter(self, cache: Path = CACHE) -> Path:
        """Where its Python is, if it was made."""
        return cache / self.folder / "bin" / "python"


class InstallError(Exception):
    """The environment could not be made."""


def install(environment: Environment, cache: Path = CACHE) -> Path:
    """The environment's interpreter; it is made where it is missing or broken.

    Raises:
        LookupError: when there is no Python for it.
        InstallError: when its packages cannot be installed or do not work.
    """
    interpreter = environment.interpreter(cache)
    if _works(interpreter, environment.check):
        return interpreter
    cache.mkdir(parents=True, exist_ok=True)
    python = _python_of(environment, cache)
    with tempfile.TemporaryDirectory(prefix=f"{environment.folder}-part-", dir=cache) as folder:
        part = Path(folder) / "environment"
        _make(python, environment, part)
        place = cache / environment.folder
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    return interpreter


def find_python(version: str) -> Path | None:
    """An interpreter of this Python version that runs, wherever machines keep them."""
    return _first_of_version(version, _candidates(version))


def get_python(versions: Sequence[str], cache: Path = CACHE) -> Path | None:
    """An interpreter of the first of these versions that is there, or else can be fetched."""
    for find in (find_python, lambda version: _fetch_python(version, cache)):
        for version in versions:
            python = find(version)
            if python is not None:
                return python
    return None


def report_install(program: str, names: Iterable[str], install: Callable[[str], Path]) -> int:
    """Install what is named, print where each is or why it is not; return the exit code."""
    try:
        for name in names:
            print(install(name))
    except LookupError as error:
        print(f"{program}: {error.args[0]}", file=sys.stderr)
        return NO_PYTHON
    except InstallError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    return 0


# ---- finding a Python


def _python_of(environment: Environment, cache: Path) -> Path:
    python = get_python(environment.pythons, cache)
    if python is not None:
        return python
    first = environment.pythons[0]
    raise LookupError(
        f"{environment.folder} needs Python {' or '.join(environment.pythons)}, and none was found"
        f" (looked for: python{first} on the path, pyenv's and uv's) or could be fetched. Install"
        f" it, for example with 'pyenv install {first}' or 'uv python install {first}', and run"
        " this again"
    )


def _first_of_version(version: str, candidates: Iterable[Path]) -> Path | None:
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if _output([str(candidate), "-I", "-c", probe]) == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[Path]:
    found = shutil.which(f"python{version}")
    if found is not None:
        yield Path(found)
    for versions in _pyenv_folders():
        yield from sorted(versions.glob(f"{version}.*/bin/python"), reverse=True)
    uv = shutil.which("uv")
    if uv is not None:
        yield from _known_to_uv(uv, version)


def _pyenv_folders() -> Iterator[Path]:
    """Where pyenv keeps Pythons, the user's and the one that runs this perhaps."""
    homes = Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir)  # HOME may be another folder
    roots = [home / ".pyenv" for home in homes]
    if "PYENV_ROOT" in os.environ:
        roots = [Path(os.environ["PYENV_ROOT"])]
    yield from (root / "versions" for root in roots)
    yield Path(sys.base_prefix).parent


def _known_to_uv(uv: str, version: str) -> Iterator[Path]:
    path = _output([uv, "python", "find", version])
    if path:
        yield Path(path)


def _fetch_python(version: str, cache: Path) -> Path | None:
    """A Python that uv fetches; None where it has none or is not within reach."""
    uv = shutil.which("uv") or _fetched_uv(cache)
    if uv is None:
        return None
    _output([uv, "python", "install", version])
    return _first_of_version(version, _known_to_uv(uv, version))


def _fetched_uv(cache: Path) -> str | None:
    """The uv of an environment in the cache; None where the package index does not give it."""
    uv = cache / "uv" / "bin" / "uv"
    if not _output([str(uv), "--version"]):
        try:
            _must([sys.executable, "-m", "venv", str(cache / "uv")])
            _must([str(cache / "uv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"])
        except InstallError as error:
            print(f"uv, which would fetch the Python, could not be had: {error}", file=sys.stderr)
            return None
    return str(uv)


# ---- making an environment


def _works(interpreter: Path, check: str) -> bool:
    code = f"{check}\nprint('yes')"
    return interpreter.exists() and _output([str(interpreter), "-I", "-c", code]).endswith("yes")


def _make(python: Path, environment: Environment, place: Path) -> None:
    _must([str(python), "-m", "venv", str(place)])
    inside = str(place / "bin" / "python")
    _must([inside, "-m", "pip", "install", "--quiet", *environment.packages])
    _must([inside, "-I", "-c", environment.check])


def _output(command: Sequence[str]) -> str:
    """What a command prints; nothing if it fails or cannot be run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _must(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = [line for line in result.stderr.splitlines() if not line.startswith("WARNING")]
        raise InstallError(
            f"'{' '.join(command)}' failed; the wheels are for Linux on x86-64, and the package"
            " index must be within reach. Its last words:\n    " + "\n    ".join(words[-5:])
        )
