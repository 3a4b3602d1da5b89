"""Make Python environments with what Caffe models are compared with: Caffe, and OpenCV 4.

    python scripts/install_caffe_references.py [caffe] [opencv]

Real Caffe needs an old Python and old packages, and OpenCV 5 has no reader for Caffe any more,
so each lives in an environment of its own, ``.cache/reference-NAME``. It is made beside its place
and renamed, so that it is there whole or not at all; one that is there and works is left alone.
Exit codes: 0 they are there; 1 one could not be made; 3 the Python that one needs is missing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from install_official_runtime import NO_PYTHON, InstallError, _must, _output, find_python

CACHE = Path(__file__).resolve().parent.parent / ".cache"


@dataclass(frozen=True)
class Reference:
    """What a reference needs.

    Attributes:
        pythons: The Python versions that it runs on, the best first.
        packages: What pip installs.
        check: Code that runs where it works.
    """

    pythons: tuple[str, ...]
    packages: tuple[str, ...]
    check: str


REFERENCES: Mapping[str, Reference] = {
    "caffe": Reference(
        ("3.9",),
        ("kendryte-caffe==1.0.0.20210829", "numpy<1.24", "protobuf<3.21"),
        "import caffe; caffe.set_mode_cpu()",
    ),
    "opencv": Reference(
        ("3.11", "3.12", "3.10", "3.13"),
        ("opencv-python-headless>=4.8,<5",),
        "import cv2; cv2.dnn.readNetFromCaffe",
    ),
}


def environment(name: str, cache: Path = CACHE) -> Path:
    """Where the interpreter of a reference is, if it is there."""
    return cache / f"reference-{name}" / "bin" / "python"


def install(name: str, cache: Path = CACHE) -> Path:
    """The environment's interpreter; it is made where it is missing or broken."""
    reference, interpreter = REFERENCES[name], environment(name, cache)
    if _works(interpreter, reference):
        return interpreter
    found = (find_python(version) for version in reference.pythons)
    python = next((path for path in found if path is not None), None)
    if python is None:
        raise LookupError(f"{name} needs Python {' or '.join(reference.pythons)}; none was found")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reference-part-", dir=cache) as folder:
        part = Path(folder) / "environment"
        _must([str(python), "-m", "venv", str(part)])
        inside = str(part / "bin" / "python")
        _must([inside, "-m", "pip", "install", "--quiet", *reference.packages])
        _must([inside, "-I", "-c", reference.check])
        place = interpreter.parent.parent
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    return interpreter


def _works(interpreter: Path, reference: Reference) -> bool:
    code = f"{reference.check}\nprint('yes')"
    return interpreter.exists() and _output([str(interpreter), "-I", "-c", code]).endswith("yes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the references that the command line names, or all."""
    parser = argparse.ArgumentParser(description="Install what Caffe models are compared with.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="caffe or opencv; default: both")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(REFERENCES))
    if unknown:
        parser.error(f"there is no reference {unknown[0]!r}; there are {', '.join(REFERENCES)}")
    try:
        for name in options.names or REFERENCES:
            print(install(name))
    except LookupError as error:
        print(f"install_caffe_references: {error.args[0]}", file=sys.stderr)
        return NO_PYTHON
    except InstallError as error:
        print(f"install_caffe_references: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
