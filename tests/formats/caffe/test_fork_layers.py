"""What forks of Caffe have, beyond what test_layers.py compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from caffe_models import make_model, random_blobs
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.caffe import read
from opt_tool.formats.caffe.registry import REFUSALS, TRAINING_TYPES, supported_layers
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor

X = {"x": (2, 4, 5, 7)}


def by_the_loop_of_its_source(x: np.ndarray, stride: int) -> np.ndarray:
    """Reorg as its forks write it, element by element, for the blob in its own shape."""
    batch, channels, height, width = x.shape
    thin, flat = channels // (stride * stride), x.reshape(-1)
    y = np.empty_like(flat)
    places = np.ndindex(batch, channels, height, width)
    for place, (b, c, h, w) in enumerate(places):
        plane, block = c % thin, c // thin
        row, column = h * stride + block // stride, w * stride + block % stride
        wide = width * stride
        y[place] = flat[column + wide * (row + height * stride * (plane + thin * b))]
    return y.reshape(batch, channels * stride * stride, height // stride, width // stride)


def test_reorg_takes_other_strides_than_opencv(tmp_path: Path) -> None:
    layer = 'name: "r" type: "Reorg" bottom: "x" top: "y" reorg_param { stride: 3 }'
    model = make_model(tmp_path, {"x": (2, 18, 3, 9)}, [layer])
    x = np.random.default_rng(0).standard_normal((2, 18, 3, 9)).astype(np.float32)
    y = Executor(read(model.prototxt, model.caffemodel), Settings()).run({"x": x})["y"]
    np.testing.assert_array_equal(y, by_the_loop_of_its_source(x, 3))


REFUSED = {
    'type: "Upsample" upsample_param { scale_h: 2 scale_w: 3 }': "SegNet",
    'type: "Upsample" upsample_param { scale: 0 }': "scale 0",
    'type: "Reorg" reorg_param { stride: 2 reverse: true }': "reverse",
    'type: "ReLU6" relu6_param { negative_slope: 0.1 }': "negative_slope",
    'type: "ShuffleChannel" shuffle_channel_param { group: 3 }': "4 channels",
    'type: "Interp" interp_param { height: 9 width: 8 pad_beg: 1 }': "only takes off",
    'type: "Interp" interp_param { height: 9 }': r"an output of \[9, 0\]",
    'type: "Interp" interp_param { zoom_factor: 0 }': "not positive",
}


@pytest.mark.parametrize("layer", REFUSED)
def test_refuses_what_it_does_not_compute(tmp_path: Path, layer: str) -> None:
    model = make_model(tmp_path, X, [f'name: "layer" {layer} bottom: "x" top: "y"'])
    with pytest.raises(UnsupportedModelError, match=REFUSED[layer]):
        read(model.prototxt, model.caffemodel)


@pytest.mark.parametrize("type", [*REFUSALS, "ATypeOfSomeFork"])
def test_layers_that_are_not_read_say_what_to_do(tmp_path: Path, type: str) -> None:
    layers = [
        'name: "relu" type: "ReLU" bottom: "x" top: "relu"',
        f'name: "layer" type: "{type}" bottom: "relu" top: "y" unheard_param {{ of: 1 }}',
    ]
    model = make_model(tmp_path, X, layers)
    with pytest.raises(UnsupportedModelError) as caught:
        read(model.prototxt, model.caffemodel)
    (problem,) = caught.value.problems
    assert (problem.operator, problem.node) == (type, "layer")
    assert problem.problem == REFUSALS.get(type, problem.problem)
    assert len(problem.problem.split()) > 4
    cut = read(model.prototxt, model.caffemodel, outputs=["relu"])
    assert [node.op.type for node in cut.nodes] == ["relu"]


def test_no_layer_is_both_read_and_refused() -> None:
    assert set(REFUSALS).isdisjoint(supported_layers())
    assert TRAINING_TYPES.isdisjoint({*REFUSALS, *supported_layers()})


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
