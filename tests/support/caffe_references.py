"""Real Caffe and OpenCV 4 as references, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tiers
from install_caffe_references import REFERENCES, environment
from opt_tool.formats.caffe.file import load_network
from opt_tool.formats.caffe.registry import is_read

__all__ = [
    "REFERENCES", "ReferenceError", "Request", "is_there", "need", "photo", "run", "run_all",
    "run_each",
]  # fmt: skip

WORKER = Path(__file__).with_name("caffe_worker.py")
TIME_LIMIT = 300
SAID = "stderr.txt"

Arrays = Mapping[str, np.ndarray]


class ReferenceError(Exception):
    """A reference that does not run a network, with its last words."""


def is_there(name: str) -> bool:
    """Whether a reference is installed."""
    return environment(name).exists()


def need(name: str) -> None:
    """Skip the test, or fail it in CI, if a reference is not installed."""
    there = is_there(name)
    tiers.need(
        None if there else f"the reference {name!r} is missing; scripts/install_caffe_references.py"
    )


@dataclass(frozen=True)
class Request:
    """A network, sets of inputs for it, and the blobs to compute."""

    prototxt: Path
    caffemodel: Path
    inputs: Sequence[Arrays]
    blobs: Sequence[str]

    def written(self, folder: Path) -> dict[str, object]:
        """The request for the worker, with the inputs in a folder."""
        folder.mkdir()
        sources = [folder / f"in{index}.npz" for index, _ in enumerate(self.inputs)]
        for path, arrays in zip(sources, self.inputs, strict=True):
            np.savez(path, allow_pickle=False, **arrays)
        return {
            "prototxt": str(self.prototxt),
            "caffemodel": str(self.caffemodel),
            "inputs": [str(path) for path in sources],
            "outputs": [str(path) for path in self.answers(folder)],
            "said": str(folder / SAID),
            "blobs": [(blob, last_writer(self.prototxt, blob)) for blob in self.blobs],
        }

    def answers(self, folder: Path) -> list[Path]:
        return [folder / f"out{index}.npz" for index, _ in enumerate(self.inputs)]


def run(
    name: str, prototxt: Path, caffemodel: Path, inputs: Sequence[Arrays], blobs: Sequence[str]
) -> list[dict[str, np.ndarray]]:
    """What a reference computes for each set of inputs, by blob."""
    return run_all(name, [Request(prototxt, caffemodel, inputs, blobs)])[0]


def run_all(name: str, requests: Sequence[Request]) -> list[list[dict[str, np.ndarray]]]:
    """Like ``run`` for many networks in one process."""
    with _ordered(requests) as (order, folders):
        _run_worker(name, order)
        return [_answer(request, folder) for request, folder in zip(requests, folders, strict=True)]


def run_each(
    name: str, requests: Sequence[Request]
) -> list[list[dict[str, np.ndarray]] | ReferenceError]:
    """Like ``run_all``, with the error of each network that the reference does not run."""
    with _ordered(requests) as (order, folders):
        _run_worker(name, order, each=True)
        return [
            _answer(request, folder)
            if all(path.is_file() for path in request.answers(folder))
            else ReferenceError((folder / SAID).read_text(errors="replace").strip())
            for request, folder in zip(requests, folders, strict=True)
        ]


@contextmanager
def _ordered(requests: Sequence[Request]) -> Iterator[tuple[Path, list[Path]]]:
    """The requests as a file for the worker, and the folder of each."""
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / str(index) for index, _ in enumerate(requests)]
        pairs = zip(requests, folders, strict=True)
        order = Path(root) / "requests.json"
        order.write_text(json.dumps([request.written(folder) for request, folder in pairs]))
        yield order, folders


def _answer(request: Request, folder: Path) -> list[dict[str, np.ndarray]]:
    return [dict(np.load(path)) for path in request.answers(folder)]


def photo(path: Path, height: int, width: int) -> np.ndarray:
    """A photograph, decoded and resized by OpenCV: (1, 3, H, W), blue first, 0 to 255."""
    with tempfile.TemporaryDirectory() as root:
        output, order = Path(root) / "photo.npy", Path(root) / "requests.json"
        size = [width, height]
        order.write_text(json.dumps([{"photo": str(path), "size": size, "output": str(output)}]))
        _run_worker("opencv", order, "photo")
        return np.asarray(np.load(output))


def last_writer(prototxt: Path, blob: str) -> str:
    """The layer whose top a blob is at the end, which is what OpenCV knows it by."""
    layers = load_network(prototxt, is_read).layers
    return str(next(layer.name for layer in reversed(layers) if blob in layer.top))


def _run_worker(name: str, order: Path, job: str | None = None, *, each: bool = False) -> None:
    command = [str(environment(name)), "-I", str(WORKER), job or name, str(order)]
    command += ["each"] if each else []
    quiet = {**os.environ, "GLOG_minloglevel": "2", "OPENCV_LOG_LEVEL": "SILENT"}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=TIME_LIMIT, env=quiet
    )
    if result.returncode != 0:
        words = "\n".join((result.stdout + result.stderr).splitlines()[-5:])
        raise ReferenceError(f"{name} fails with {result.returncode}: {words}")
