"""Real Caffe and OpenCV 4 as references, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import tiers
from install_caffe_references import environment
from opt_tool.formats.caffe.file import load_network
from opt_tool.formats.caffe.registry import supported_layers

WORKER = Path(__file__).with_name("caffe_worker.py")
TIME_LIMIT = 300

Arrays = Mapping[str, np.ndarray]


class ReferenceError(Exception):
    """A reference that does not run a network, with its last words."""


def need(name: str) -> None:
    """Skip the test, or fail it in CI, if a reference is not installed."""
    there = environment(name).exists()
    tiers.need(
        None if there else f"the reference {name!r} is missing; scripts/install_caffe_references.py"
    )


def run(
    name: str,
    prototxt: Path,
    caffemodel: Path,
    inputs: Sequence[Arrays],
    blobs: Sequence[str],
) -> list[dict[str, np.ndarray]]:
    """What a reference computes for each set of inputs, by blob."""
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"in{index}.npz" for index, _ in enumerate(inputs)]
        targets = [Path(folder) / f"out{index}.npz" for index, _ in enumerate(inputs)]
        for path, arrays in zip(sources, inputs, strict=True):
            np.savez(path, allow_pickle=False, **arrays)
        request = {
            "prototxt": str(prototxt),
            "caffemodel": str(caffemodel),
            "inputs": [str(path) for path in sources],
            "outputs": [str(path) for path in targets],
            "blobs": [(blob, last_writer(prototxt, blob)) for blob in blobs],
        }
        order = Path(folder) / "request.json"
        order.write_text(json.dumps(request))
        _run_worker(name, order)
        return [dict(np.load(path)) for path in targets]


def last_writer(prototxt: Path, blob: str) -> str:
    """The layer whose top a blob is at the end, which is what OpenCV knows it by."""
    layers = load_network(prototxt, supported_layers()).layers
    return str(next(layer.name for layer in reversed(layers) if blob in layer.top))


def _run_worker(name: str, order: Path) -> None:
    command = [str(environment(name)), "-I", str(WORKER), name, str(order)]
    quiet = {**os.environ, "GLOG_minloglevel": "2", "OPENCV_LOG_LEVEL": "SILENT"}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=TIME_LIMIT, env=quiet
    )
    if result.returncode != 0:
        words = "\n".join((result.stdout + result.stderr).splitlines()[-5:])
        raise ReferenceError(f"{name} fails with {result.returncode}: {words}")
