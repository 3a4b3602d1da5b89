"""Layers that neither real Caffe nor OpenCV has, against their definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from caffe_models import Shape, make_model, random_blobs
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.caffe import read
from opt_tool.runtime import Executor, Settings

X = {"x": (2, 4, 5, 7)}
BOUND = 1e-5


def run(
    folder: Path, layer: str, inputs: Mapping[str, Shape], blobs: list[np.ndarray]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Random inputs, and what a layer with the top y makes of them."""
    bottoms = " ".join(f'bottom: "{name}"' for name in inputs)
    text = f'name: "layer" {layer} {bottoms} top: "y"'
    model = make_model(folder, inputs, [text], {"layer": blobs})
    graph = read(model.prototxt, model.caffemodel)
    rng = np.random.default_rng(0)
    feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in inputs.items()}
    return feeds, Executor(graph, Settings()).run(feeds)["y"]


def _log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


DEFINITIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    'type: "Clip" clip_param { min: -0.5 max: 1 }': lambda x: np.clip(x, -0.5, 1),
    'type: "LogSoftmax"': _log_softmax,
    'type: "Mish"': lambda x: x * np.tanh(np.log1p(np.exp(x))),
    'type: "Upsample" upsample_param { scale: 3 }': lambda x: x.repeat(3, 2).repeat(3, 3),
    'type: "Upsample"': lambda x: x.repeat(2, 2).repeat(2, 3),
    'type: "Dropout" dropout_param { scale_train: false dropout_ratio: 0.2 }': lambda x: 0.8 * x,
}


@pytest.mark.parametrize("layer", DEFINITIONS)
def test_layer_computes_its_definition(layer: str, tmp_path: Path) -> None:
    feeds, y = run(tmp_path, layer, X, [])
    expected = DEFINITIONS[layer](feeds["x"].astype(np.float64))
    np.testing.assert_allclose(y, expected, rtol=BOUND, atol=BOUND)


def test_axpy_scales_channels_and_adds(tmp_path: Path) -> None:
    inputs = {"scale": (2, 4, 1, 1), "x": (2, 4, 5, 7), "y0": (2, 4, 5, 7)}
    feeds, y = run(tmp_path, 'type: "Axpy"', inputs, [])
    expected = feeds["scale"] * feeds["x"] + feeds["y0"]
    np.testing.assert_allclose(y, expected, rtol=BOUND, atol=BOUND)


@pytest.mark.parametrize("type", ["ConvolutionDepthwise", "DepthwiseConvolution"])
def test_depthwise_layers_have_a_group_for_each_channel(tmp_path: Path, type: str) -> None:
    blobs = random_blobs((4, 1, 3, 3), (4,))
    param = "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 }"
    feeds, y = run(tmp_path, f'type: "{type}" {param}', X, blobs)
    grouped = param.replace("pad", "group: 4 pad")
    _, expected = run(tmp_path, f'type: "Convolution" {grouped}', X, blobs)
    assert feeds["x"].std() > 0
    np.testing.assert_array_equal(y, expected)


def test_parameter_is_its_weights(tmp_path: Path) -> None:
    blobs = random_blobs((3, 4))
    layers = [
        'name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 3 dim: 4 } }',
        'name: "s" type: "Eltwise" bottom: "x" bottom: "p" top: "y"',
    ]
    model = make_model(tmp_path, {"x": (3, 4)}, layers, {"p": blobs})
    graph = read(model.prototxt, model.caffemodel)
    x = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(Executor(graph, Settings()).run({"x": x})["y"], x + blobs[0])


def test_weights_are_shared_by_name(tmp_path: Path) -> None:
    shared = 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 4 }'
    layers = [
        f'name: "first" type: "InnerProduct" bottom: "x" top: "a" {shared}',
        f'name: "second" type: "InnerProduct" bottom: "a" top: "y" {shared}',
    ]
    weight, bias = random_blobs((4, 4), (4,))
    model = make_model(tmp_path, {"x": (3, 4)}, layers, {"first": [weight, bias]})
    x = np.eye(4, dtype=np.float32)[:3]
    found = Executor(read(model.prototxt, model.caffemodel), Settings()).run({"x": x})["y"]
    expected = (x @ weight.T + bias) @ weight.T + bias
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_names_every_layer_that_cannot_be_read(tmp_path: Path) -> None:
    layers = [
        'name: "strange" type: "Strange" bottom: "x" top: "a" strange_param { depth: 3 }',
        'name: "relu" type: "ReLU" bottom: "a" top: "b"',
        'name: "pool" type: "ROIPooling" bottom: "b" top: "c" roi_pooling_param { pooled_h: 6 }',
        'name: "lstm" type: "LSTM" bottom: "c" top: "y" recurrent_param { num_output: 4 }',
    ]
    model = make_model(tmp_path, X, layers)
    with pytest.raises(UnsupportedModelError) as caught:
        read(model.prototxt, model.caffemodel)
    problems = caught.value.problems
    assert [(p.operator, p.node) for p in problems] == [
        ("Strange", "strange"),
        ("ROIPooling", "pool"),
        ("LSTM", "lstm"),
    ]
