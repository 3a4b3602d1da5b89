"""Networks and weights of the older generation are their twins of today."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from caffe_models import blob, make_model, random_blobs, weights_file
from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.caffe import caffe_pb2, read
from opt_tool.formats.caffe.upgrade import V1_TYPES
from opt_tool.ir import Graph
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor

TODAY = (
    (
        'name: "c" type: "Convolution" bottom: "x" top: "c" '
        "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 }"
    ),
    'name: "r" type: "ReLU" bottom: "c" top: "c" relu_param { negative_slope: 0.2 }',
    'name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 }',
    'name: "d" type: "Dropout" bottom: "p" top: "p"',
    'name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 5 }',
    'name: "s" type: "Softmax" bottom: "f" top: "s"',
)
OLD = """
name: "net"
input: "x" input_dim: 1 input_dim: 3 input_dim: 11 input_dim: 9
layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 1 weight_decay: 0
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2
    weight_filler { type: "xavier" sparsity: 3 } } }
layers { name: "r" type: RELU bottom: "c" top: "c" relu_param { negative_slope: 0.2 } }
layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 } }
layers { name: "d" type: DROPOUT bottom: "p" top: "p" dropout_param { dropout_ratio: 0.4 } }
layers { name: "f" type: INNER_PRODUCT bottom: "p" top: "f" inner_product_param { num_output: 5 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "f" bottom: "label" top: "loss"
  include { phase: TRAIN } }
layers { name: "s" type: SOFTMAX bottom: "f" top: "s" }
"""
SHAPES = {"x": (1, 3, 11, 9)}
BLOBS = {
    "c": random_blobs((4, 3, 3, 3), (4,)),
    "f": random_blobs((5, 36), (5,), seed=2),
}


def old_weights(path: Path) -> Path:
    """The weights as V1 wrote them: four dimensions for each blob, whatever it is."""
    message = caffe_pb2.NetParameter()
    for name, arrays in BLOBS.items():
        layer = message.layers.add(name=name, type=caffe_pb2.V1LayerParameter.CONVOLUTION)
        for array in arrays:
            num, channels, height, width = (1,) * (4 - array.ndim) + array.shape
            layer.blobs.add(
                num=num, channels=channels, height=height, width=width,
                data=[array.astype("<f4").tobytes()],
            )  # fmt: skip
    path.write_bytes(message.SerializeToString())
    return path


def run(graph: Graph) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((1, 3, 11, 9)).astype(np.float32)
    (name,) = (value.name for value in graph.outputs)
    assert name == "s"
    return Executor(graph, Settings()).run({"x": x})[name]


@pytest.mark.parametrize("old_text", [True, False])
@pytest.mark.parametrize("old_binary", [True, False])
def test_v1_computes_what_its_twin_computes(
    tmp_path: Path, old_text: bool, old_binary: bool
) -> None:
    twin = make_model(tmp_path, SHAPES, TODAY, BLOBS)
    prototxt, caffemodel = twin.prototxt, twin.caffemodel
    if old_text:
        prototxt = tmp_path / "old.prototxt"
        prototxt.write_text(OLD)
    if old_binary:
        caffemodel = old_weights(tmp_path / "old.caffemodel")
    expected = run(read(twin.prototxt, twin.caffemodel))
    assert expected.std() > 0.01
    np.testing.assert_array_equal(run(read(prototxt, caffemodel)), expected)


def test_every_v1_type_has_its_name_of_today() -> None:
    assert set(V1_TYPES) == set(caffe_pb2.V1LayerParameter.LayerType.values())


def test_refuses_the_oldest_generation_with_the_way_out(tmp_path: Path) -> None:
    text = tmp_path / "v0.prototxt"
    text.write_text('layers { layer { name: "c" type: "conv" num_output: 4 } bottom: "x" }\n')
    weights = weights_file(tmp_path / "net.caffemodel", {})
    with pytest.raises(UnsupportedError, match="upgrade_net_proto_text"):
        read(text, weights)
    message = caffe_pb2.NetParameter()
    message.layers.add().layer.name = "c"
    weights.write_bytes(message.SerializeToString())
    twin = make_model(tmp_path / ".", SHAPES, TODAY, BLOBS)
    weights.write_bytes(message.SerializeToString())
    with pytest.raises(UnsupportedError, match="upgrade_net_proto_binary"):
        read(twin.prototxt, weights)


def test_refuses_both_generations_at_once(tmp_path: Path) -> None:
    text = tmp_path / "both.prototxt"
    text.write_text('layers { name: "a" type: RELU }\nlayer { name: "b" type: "ReLU" }\n')
    with pytest.raises(DamagedFileError, match="both `layer` and `layers`"):
        read(text, weights_file(tmp_path / "net.caffemodel", {}))


RAW_FORMS = {
    "raw double": (caffe_pb2.BlobProto.DOUBLE, "<f8"),
    "raw float": (caffe_pb2.BlobProto.FLOAT, "<f4"),
    "raw int": (caffe_pb2.BlobProto.INT, "<i4"),
    "raw uint": (caffe_pb2.BlobProto.UINT, "<u4"),
}


def _stored(array: np.ndarray, form: str) -> caffe_pb2.BlobProto:
    shape = caffe_pb2.BlobShape(dim=array.shape)
    if form == "float16":
        return caffe_pb2.BlobProto(
            shape=shape,
            raw_data_type=caffe_pb2.BlobProto.FLOAT16,
            raw_data=array.astype("<f2").tobytes(),
        )
    if form in RAW_FORMS:
        kind, dtype = RAW_FORMS[form]
        return caffe_pb2.BlobProto(
            shape=shape, raw_data_type=kind, raw_data=array.astype(dtype).tobytes()
        )
    if form == "double":
        return caffe_pb2.BlobProto(shape=shape, double_data=[array.astype("<f8").tobytes()])
    return blob(array)


@pytest.mark.parametrize("form", ["float16", "double", "float", *RAW_FORMS])
def test_reads_numbers_of_every_width(tmp_path: Path, form: str) -> None:
    (bias,) = random_blobs((6,))
    bias = bias.astype(np.float16).astype(np.float32)
    if "int" in form:
        bias = np.floor(np.abs(bias) * 100)
    model = make_model(
        tmp_path, {"x": (1, 6, 2, 2)}, ['name: "b" type: "Bias" bottom: "x" top: "y"']
    )
    message = caffe_pb2.NetParameter()
    message.layer.add(name="b", blobs=[_stored(bias, form)])
    model.caffemodel.write_bytes(message.SerializeToString())
    graph = read(model.prototxt, model.caffemodel)
    y = Executor(graph, Settings()).run({"x": np.zeros((1, 6, 2, 2), np.float32)})["y"]
    np.testing.assert_array_equal(y[0, :, 1, 1], bias)
