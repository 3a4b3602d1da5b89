"""Make Python environments with what Caffe models are compared with: Caffe, and OpenCV 4.

    python scripts/install_caffe_references.py [caffe] [opencv]

Real Caffe needs an old Python and old packages, and OpenCV 5 has no reader for Caffe any more,
so each lives in an environment of its own, ``.cache/reference-NAME``; see
reference_environments.py. Exit codes: 0 they are there; 1 one could not be made; 3 the Python that
one needs cannot be had.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reference_environments import CACHE, Environment, report_install
from reference_environments import install as install_environment

REFERENCES: Mapping[str, Environment] = {
    "caffe": Environment(
        "reference-caffe",
        ("3.9",),
        ("kendryte-caffe==1.0.0.20210829", "numpy<1.24", "protobuf<3.21"),
        "import caffe; caffe.set_mode_cpu()",
    ),
    "opencv": Environment(
        "reference-opencv",
        ("3.11", "3.12", "3.10", "3.13"),
        ("opencv-python-headless>=4.8,<5",),
        "import cv2; cv2.dnn.readNetFromCaffe",
    ),
}


def environment(name: str, cache: Path = CACHE) -> Path:
    """Where the interpreter of a reference is, if it is there."""
    return REFERENCES[name].interpreter(cache)


def install(name: str, cache: Path = CACHE) -> Path:
    """The interpreter of a reference's environment, made where it is missing or broken."""
    return install_environment(REFERENCES[name], cache)


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the references that the command line names, or all."""
    parser = argparse.ArgumentParser(description="Install what Caffe models are compared with.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="caffe or opencv; default: both")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(REFERENCES))
    if unknown:
        parser.error(f"there is no reference {unknown[0]!r}; there are {', '.join(REFERENCES)}")
    return report_install("install_caffe_references", options.names or REFERENCES, install)


if __name__ == "__main__":
    sys.exit(main())
