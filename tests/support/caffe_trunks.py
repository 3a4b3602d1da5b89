"""The part of a model that real Caffe runs: no layers of forks, no weights in 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from caffe_models import CaffeModel
from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.text import TextField, outline

FORKS = frozenset({"DetectionOutput", "Normalize", "PriorBox"})
"""Layers that the models have and real Caffe does not."""


def for_real_caffe(model: CaffeModel, folder: Path) -> CaffeModel:
    """The model without layers of forks and what depends on them, in float32."""
    prototxt, caffemodel = folder / "trunk.prototxt", folder / "trunk.caffemodel"
    prototxt.write_text(_trunk(model.prototxt.read_text(encoding="utf-8")), encoding="utf-8")
    weights = caffe_pb2.NetParameter()
    weights.ParseFromString(model.caffemodel.read_bytes())
    for layer in weights.layer:
        for blob in layer.blobs:
            _widen(blob)
    caffemodel.write_bytes(weights.SerializeToString())
    return CaffeModel(prototxt, caffemodel)


def _trunk(text: str) -> str:
    gone: set[str] = set()
    parts, position = [], 0
    for layer in outline(text):
        kind = layer.first("type")
        if kind is None or (kind.value not in FORKS and gone.isdisjoint(_blobs(layer, "bottom"))):
            continue
        gone.update(_blobs(layer, "top"))
        parts.append(text[position : layer.start])
        position = layer.end
    return "".join([*parts, text[position:]])


def _blobs(layer: TextField, side: str) -> list[str]:
    return [child.value for child in layer.children if child.name == side]


def _widen(blob: caffe_pb2.BlobProto) -> None:
    if not blob.HasField("raw_data"):
        return
    assert blob.raw_data_type == caffe_pb2.BlobProto.FLOAT16
    numbers = np.frombuffer(blob.raw_data, "<f2").astype("<f4")
    blob.ClearField("raw_data")
    blob.ClearField("raw_data_type")
    blob.data.append(numbers.tobytes())
