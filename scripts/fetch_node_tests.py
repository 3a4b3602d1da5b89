"""Fetch the ONNX backend test cases that Debian packages, without root.

    python scripts/fetch_node_tests.py [--cache DIR]

The package libonnx-testdata (6 MB) holds more than 1,000 cases: a model, inputs and expected
outputs. It is unpacked, not installed, into ``.cache/onnx-node-tests``; what is there already is
kept. apt checks the package's signature chain.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
PACKAGE = "libonnx-testdata"
DATA = Path("usr/share/libonnx-testdata/data")
FOLDERS = ("node", "pytorch-converted", "pytorch-operator", "simple")


class FetchError(Exception):
    """The package could not be downloaded or unpacked."""


def fetch(cache: Path = CACHE) -> Path:
    """The folder with the cases, one folder for each of ``FOLDERS`` in it."""
    place = cache / "onnx-node-tests"
    if place.is_dir():
        return place
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise FetchError(
                f"{tool} is not on this machine: the test cases come from Debian's package"
                f" {PACKAGE}. On another system, unpack that .deb file"
                f" and copy {DATA} in it to {place}"
            )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="node-tests-part-", dir=cache) as folder:
        part = Path(folder)
        _run(["dpkg-deb", "-x", str(_download(part)), str(part / "unpacked")], part)
        data = part / "unpacked" / DATA
        missing = [name for name in FOLDERS if not (data / name).is_dir()]
        if missing:
            raise FetchError(f"{PACKAGE} has no {', '.join(missing)} in {DATA}")
        data.rename(place)
    return place


def _download(folder: Path) -> Path:
    """The .deb file, with the machine's package lists or, where it has none, with own ones."""
    own = folder / "apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (own / name).mkdir(parents=True)
    own_lists = [f"-oDir::State={own}/state", f"-oDir::Cache={own}/cache"]
    try:
        _run(["apt-get", "download", "-qq", PACKAGE], folder)
    except FetchError:
        _run(["apt-get", "update", "-qq", *own_lists], folder)
        _run(["apt-get", "download", "-qq", *own_lists, PACKAGE], folder)
    return next(folder.glob("*.deb"))


def _run(command: Sequence[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = [line for line in result.stderr.splitlines() if not line.startswith("W:")]
        raise FetchError(
            f"'{' '.join(command)}' failed; are Debian's packages within reach?"
            " Its last words:\n    " + "\n    ".join(words[-5:])
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the cases and print where they are."""
    parser = argparse.ArgumentParser(description="Fetch the ONNX backend test cases.")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        print(fetch(options.cache))
    except FetchError as error:
        print(f"fetch_node_tests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
