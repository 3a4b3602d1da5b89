"""Fetch the ONNX backend test cases that Debian packages, without root, and write newer ones.

    python scripts/fetch_node_tests.py [--cache DIR]

The package libonnx-testdata (6 MB) holds more than 1,000 cases: a model, inputs and expected
outputs. It is unpacked, not installed, into ``.cache/onnx-node-tests``; what is there already is
kept. apt checks the package's signature chain. The installed onnx package makes almost 1,900 cases
of the newest opsets, which are written to ``.cache/onnx-node-tests-VERSION``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # onnx does not say what its cases hold

import numpy as np
import onnx
from onnx import numpy_helper

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


def write_newest(cache: Path = CACHE) -> Path:
    """The folder with the installed onnx package's own cases, in the form of the others."""
    place = cache / f"onnx-node-tests-{onnx.__version__}"
    if place.is_dir():
        return place
    from onnx.backend.test.case import node  # makes all of them

    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="node-tests-part-", dir=cache) as folder:
        made = Path(folder) / "made"
        with np.errstate(all="ignore"):  # some compute infinities
            cases = node.collect_testcases(None)
        for case in cases:
            _write(made / case.name, case)
        made.rename(place)
    return place


def _write(folder: Path, case: Any) -> None:
    """A case as a model and its first set of data."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for kind, values in zip(("input", "output"), case.data_sets[0], strict=True):
        for index, value in enumerate(values):
            (data / f"{kind}_{index}.pb").write_bytes(_message(value))


def _message(value: Any) -> bytes:
    """A tensor as a message; an empty one of what is no tensor."""
    if isinstance(value, onnx.TensorProto):
        return bytes(value.SerializeToString())
    if not isinstance(value, (np.ndarray, np.generic)):
        return b""
    return bytes(numpy_helper.from_array(np.asarray(value)).SerializeToString())


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
        print(write_newest(options.cache))
    except FetchError as error:
        print(f"fetch_node_tests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
