"""Small Caffe models in one expression: layers as text, weights from a seeded generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.formats.caffe import caffe_pb2

Shape = tuple[int, ...]


@dataclass(frozen=True)
class CaffeModel:
    """The two files of a model."""

    prototxt: Path
    caffemodel: Path


def blob(array: np.ndarray) -> caffe_pb2.BlobProto:
    """A blob as today's Caffe writes it."""
    data = [array.astype("<f4").tobytes()]
    return caffe_pb2.BlobProto(shape=caffe_pb2.BlobShape(dim=array.shape), data=data)


def weights_file(path: Path, blobs: Mapping[str, Sequence[np.ndarray]]) -> Path:
    """A caffemodel with the blobs of each layer."""
    message = caffe_pb2.NetParameter(name="net")
    for name, arrays in blobs.items():
        message.layer.add(name=name, blobs=[blob(array) for array in arrays])
    path.write_bytes(message.SerializeToString())
    return path


def network_text(inputs: Mapping[str, Shape], *layers: str) -> str:
    """A network with these inputs; each layer is the inside of its braces."""
    heads = [
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        + " ".join(f"dim: {dim}" for dim in shape)
        + " } } }"
        for name, shape in inputs.items()
    ]
    return "\n".join(['name: "net"', *heads, *(f"layer {{ {text} }}" for text in layers)]) + "\n"


def make_model(
    folder: Path,
    inputs: Mapping[str, Shape],
    layers: Sequence[str],
    blobs: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> CaffeModel:
    """Write both files."""
    prototxt = folder / "net.prototxt"
    prototxt.write_text(network_text(inputs, *layers))
    blobs = {} if blobs is None else blobs
    return CaffeModel(prototxt, weights_file(folder / "net.caffemodel", blobs))


def random_blobs(*shapes: Shape, seed: int = 1) -> list[np.ndarray]:
    """Blobs of normal numbers."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
