"""A Caffe model made in a test: two files, a convolution with what follows one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opt_tool.formats.caffe.caffe_pb2 import NetParameter

PROTOTXT = """
name: "small"
input: "data"
input_shape { dim: 1 dim: 3 dim: 9 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
"""


def small_model(folder: Path) -> tuple[Path, Path]:
    """The network and its weights, written as deploy.prototxt and weights.caffemodel."""
    rng = np.random.default_rng(0)
    weights = NetParameter(name="small")
    layer = weights.layer.add(name="conv", type="Convolution")
    for shape in ((4, 3, 3, 3), (4,)):
        blob = layer.blobs.add()
        blob.shape.dim.extend(shape)
        blob.data.append(rng.standard_normal(shape).astype(np.float32).tobytes())
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "weights.caffemodel"
    prototxt.write_text(PROTOTXT, encoding="utf-8")
    caffemodel.write_bytes(weights.SerializeToString())
    return prototxt, caffemodel
