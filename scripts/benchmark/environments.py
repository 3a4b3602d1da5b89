"""An environment for each tool, so that no two have to agree on versions."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reference_environments import get_python

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / ".cache" / "benchmark" / "environments"
SOURCES = ("opt_tool", "formats", "kernels", "passes", "pyproject.toml")
NOT_THE_TOOL = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


class CannotMakeError(Exception):
    """An environment could not be made."""


@dataclass(frozen=True)
class Environment:
    """What pip installs for a tool.

    Attributes:
        name: The tool's name.
        packages: What is installed with all that it depends on.
        alone: What is installed without what it says it depends on.
        pythons: The Python versions that it runs on, the best first.
        of_checkout: Whether it holds this checkout, so that a change of it makes it stale.
    """

    name: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ("3.11", "3.12", "3.10", "3.13")
    of_checkout: bool = False

    @property
    def place(self) -> Path:
        return PLACE / self.name

    def program(self, name: str) -> str:
        """The path of a command of the environment."""
        return str(self.place / "bin" / name)

    @property
    def python(self) -> str:
        return self.program("python")

    @property
    def site_packages(self) -> Path:
        return next(self.place.glob("lib/python3.*/site-packages"))

    def stamp(self) -> str:
        """What changes whenever the environment has to be made again."""
        digest = hashlib.sha256(repr((self.packages, self.alone, self.pythons)).encode())
        for path in _sources() if self.of_checkout else ():
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def make(self) -> None:
        """Make it where it is missing or stale; it is there whole or not at all."""
        stamp_file = self.place / "stamp"
        stamp = self.stamp()
        if stamp_file.is_file() and stamp_file.read_text(encoding="ascii") == stamp:
            return
        shutil.rmtree(self.place, ignore_errors=True)
        _must([_python(self.pythons), "-m", "venv", str(self.place)], self.name)
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if self.packages:
            _must([*pip, *self.packages], self.name)
        if self.alone:
            _must([*pip, "--no-deps", *self.alone], self.name)
        stamp_file.write_text(stamp, encoding="ascii")

    def install_bytes(self) -> int:
        """What the tool and all that it needs takes on the disk, without Python and pip."""
        tops = (
            top
            for top in self.site_packages.iterdir()
            if top.name.split("-")[0] not in NOT_THE_TOOL and top.name not in NOT_THE_TOOL
        )
        return sum(path.lstat().st_size for top in tops for path in _files(top))

    def versions(self) -> dict[str, str]:
        """The version of each package, by name."""
        pip = [self.python, "-m", "pip", "--disable-pip-version-check"]
        lines = _must([*pip, "list", "--format=freeze"], self.name).splitlines()
        pairs = (line.split("==", 1) for line in lines if "==" in line)
        return {name: version for name, version in pairs if name not in NOT_THE_TOOL}


ENVIRONMENTS: Mapping[str, Environment] = {
    environment.name: environment
    for environment in (
        Environment("opt", (str(ROOT),), of_checkout=True),
        Environment(
            "official",
            (
                *("x2paddle==1.6.0", "paddlepaddle==2.6.2", "paddlelite==2.13rc0"),
                *("onnx==1.17.0", "numpy<2", "protobuf==3.20.3"),
                *("six", "requests"),  # imported by x2paddle, not among its dependencies
            ),
            pythons=("3.10",),
        ),
        Environment("mnn", ("MNN==3.6.1", "numpy")),
        Environment(
            "ncnn",
            ("numpy",),
            alone=("ncnn==1.0.20261020", "pnnx==20261020"),  # the binary needs no PyTorch
        ),
        Environment("onnxsim", ("onnxsim==0.7.3", "onnxruntime")),
        Environment("onnxslim", ("onnxslim==0.1.98",)),
        Environment("onnxruntime", ("onnxruntime==1.23.2", "onnx==1.19.1")),
        Environment("litert", ("ai-edge-quantizer==0.10.0", "ai-edge-litert")),
        Environment("plots", ("matplotlib==3.10.7",)),
    )
}


def _python(versions: Sequence[str]) -> str:
    found = get_python(versions)
    if found is None:
        raise CannotMakeError(f"none of Python {', '.join(versions)} was found on this machine")
    return str(found)


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        top = ROOT / name
        paths = [top] if top.is_file() else sorted(top.rglob("*.py"))
        yield from (path for path in paths if path.is_file())


def _files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, _, names in os.walk(top):
        yield from (Path(folder) / name for name in names)


def _must(command: Sequence[str], name: str) -> str:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False
        )
        if result.returncode == 0:
            return result.stdout
        errors.seek(0)
        words = [line for line in errors.read().splitlines() if not line.startswith("WARNING")]
    raise CannotMakeError(
        f"the environment of {name} could not be made: '{' '.join(command)}' failed:\n    "
        + "\n    ".join(words[-5:])
    )
