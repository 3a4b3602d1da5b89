"""Looks at what opt finds on this machine, and says how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from opt_tool._version import __version__
from opt_tool.api import official_runtime
from opt_tool.api.json_form import to_json

DISTRIBUTION = "opt-tool"
PYTHON_FIRST, PYTHON_LIMIT = (3, 10), (3, 14)


@dataclass(frozen=True, slots=True)
class Package:
    """A Python package that opt uses.

    ``least`` is the oldest version that will do, ``limit`` the first that will not.
    """

    names: tuple[str, ...]
    purpose: str
    install: str
    least: str | None = None
    limit: str | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for.

    ``status`` is ``ok``, ``missing`` or ``unfit`` (of a version that will not do).
    """

    name: str
    status: str
    required: bool
    version: str | None
    purpose: str
    install: str | None


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What opt finds; ``status`` is ``ok`` where all that is required is there."""

    status: str
    tool_version: str
    python: str
    platform: str
    checks: tuple[Check, ...]

    def to_json(self) -> str:
        return to_json(self)


OPTIONAL = (
    Package(
        ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
        "the reference for Caffe models", "pip install 'opt-tool[caffe]'", "4.8", "5",
    ),
    Package(
        ("ai-edge-litert", "tflite-runtime"),
        "the reference for TFLite models", "pip install 'opt-tool[tflite]'",
    ),
    Package(("pillow",), "pictures in --samples", "pip install 'opt-tool[images]'", "10"),
    Package(("pygraphviz",), "draws graphs as .svg", "pip install 'opt-tool[svg]'", "2.0"),
    Package(
        ("tf2onnx",), "reads TensorFlow's GraphDefs and SavedModels",
        "pip install tf2onnx tensorflow",
    ),
)  # fmt: skip
"""What is not needed for everything, with the command that installs it."""

RUNTIMES = ("2.13", "2.12", "2.10")
"""The versions of the official runtime that a script installs, the one that is used first."""


def diagnose() -> DoctorReport:
    """Look for everything that opt can use."""
    checks = (_python(), *map(check_package, (*requirements(), *OPTIONAL)), *_runtimes())
    bad = any(check.required and check.status != "ok" for check in checks)
    return DoctorReport(
        status="failed" if bad else "ok",
        tool_version=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        checks=checks,
    )


def requirements() -> Iterator[Package]:
    """What opt was installed with, as its own metadata say."""
    for text in _required_texts():
        match = re.match(r"([\w.-]+)\s*(?:\(?>=\s*([\w.]+))?", text)
        assert match is not None, text
        name, least = match[1], match[2]
        wish = name if least is None else f"'{name}>={least}'"
        yield Package((name,), "required", f"pip install {wish}", least, required=True)


def _required_texts() -> Sequence[str]:
    """The requirements in the metadata, those of extras left out."""
    try:
        found = importlib.metadata.requires(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:  # run from a checkout without installing it
        found = None
    return [text for text in found or () if "extra ==" not in text]


def check_package(package: Package) -> Check:
    """Whether a package is there in a version that will do."""
    name, version = next(_installed(package.names), (package.names[0], None))
    fits = version is not None and _within(version, package.least, package.limit)
    status = "missing" if version is None else "ok" if fits else "unfit"
    install = None if fits else package.install
    return Check(name, status, package.required, version, package.purpose, install)


def _installed(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def _within(version: str, least: str | None, limit: str | None) -> bool:
    numbers = _numbers(version)
    return (least is None or numbers >= _numbers(least)) and (
        limit is None or numbers < _numbers(limit)
    )


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version starts with."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match is not None else ()


def _python() -> Check:
    fits = PYTHON_FIRST <= sys.version_info[:2] < PYTHON_LIMIT
    return Check(
        "python",
        "ok" if fits else "unfit",
        required=True,
        version=platform.python_version(),
        purpose="required",
        install=None if fits else "install Python 3.10 to 3.13",
    )


def _runtimes() -> Iterator[Check]:
    for version in RUNTIMES:
        missing = official_runtime.available(version)
        yield Check(
            f"official runtime {version}",
            "ok" if missing is None else "missing",
            required=False,
            version=version if missing is None else None,
            purpose="runs .nb files for x86: opt run --backend paddlelite",
            install=None
            if missing is None
            else f"python scripts/install_official_runtime.py --version {version}",
        )
