"""The weights of a caffemodel, by layer.

Sizes are compared with what the file holds before anything is made of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.errors import DamagedFileError
from opt_tool.formats.caffe import caffe_pb2

Shape = tuple[int, ...]

RAW_TYPES: Mapping[int, np.dtype] = {
    caffe_pb2.BlobProto.DOUBLE: np.dtype("<f8"),
    caffe_pb2.BlobProto.FLOAT: np.dtype("<f4"),
    caffe_pb2.BlobProto.FLOAT16: np.dtype("<f2"),
    caffe_pb2.BlobProto.INT: np.dtype("<i4"),
    caffe_pb2.BlobProto.UINT: np.dtype("<u4"),
}
"""The numbers of NVIDIA's Caffe, ``raw_data_type``."""


class Weights:
    """The blobs of a weights file, taken by layer name and expected shape."""

    def __init__(self, path: Path, layers: Sequence[caffe_pb2.LayerParameter]) -> None:
        self.path = path
        self._layers: dict[str, caffe_pb2.LayerParameter] = {}
        for layer in layers:
            if layer.blobs:
                self._layers.setdefault(layer.name, layer)

    def count(self, layer: str) -> int:
        """How many blobs a layer has, 0 without weights."""
        return len(self._layers[layer].blobs) if layer in self._layers else 0

    def blob(self, layer: str, index: int) -> tuple[Shape, np.ndarray]:
        """The shape and the numbers (flat, float32) of a blob.

        Raises:
            DamagedFileError: when it is not there or does not hold what its shape says.
        """
        count = self.count(layer)
        if count == 0:
            raise DamagedFileError(
                self.path,
                f"has no weights for layer {layer!r}; it belongs to another network than the "
                f"prototxt{self._examples()}",
            )
        if index >= count:
            raise DamagedFileError(
                self.path,
                f"layer {layer!r} has {count} blobs of weights; the prototxt needs at least "
                f"{index + 1}",
            )
        blob = self._layers[layer].blobs[index]
        numbers = _numbers(blob)
        shape = _shape(blob, numbers.size)
        if min(shape, default=0) < 0 or math.prod(shape) != numbers.size:
            raise DamagedFileError(
                self.path,
                f"blob {index} of layer {layer!r} has the shape {list(shape)} and "
                f"{numbers.size} numbers; copy the file again",
            )
        return shape, numbers.astype(np.float32, copy=False)

    def _examples(self) -> str:
        names = [repr(name) for name in self._layers][:3]
        return f" (it has {', '.join(names)}, ...)" if names else " (it has none at all)"


def _numbers(blob: caffe_pb2.BlobProto) -> np.ndarray:
    if blob.HasField("raw_data"):
        dtype = RAW_TYPES[blob.raw_data_type]
        return _from_bytes(blob.raw_data, dtype)
    if blob.double_data:
        return _from_bytes(b"".join(blob.double_data), np.dtype("<f8"))
    chunks = blob.data
    return _from_bytes(chunks[0] if len(chunks) == 1 else b"".join(chunks), np.dtype("<f4"))


def _from_bytes(data: bytes, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize)


def _shape(blob: caffe_pb2.BlobProto, size: int) -> Shape:
    """The shape of a blob, in the old form that of four dimensions."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    old = ("num", "channels", "height", "width")
    if not any(blob.HasField(name) for name in old):
        return (size,)
    return tuple(int(getattr(blob, name)) for name in old)


def fits(shape: Shape, expected: Shape) -> bool:
    """Whether shapes are the same but for dimensions of size 1, which move no number."""
    return [n for n in shape if n != 1] == [n for n in expected if n != 1]
