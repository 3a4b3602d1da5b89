"""What layers cannot mean, or what no kernel computes, is refused with the fact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from caffe_models import Shape, make_model, random_blobs
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.caffe import read

X: dict[str, Shape] = {"x": (2, 4, 5, 7)}
TWO: dict[str, Shape] = {"x": (2, 4, 5, 7), "z": (2, 4, 5, 7)}
FLAT: dict[str, Shape] = {"x": (6,)}
ROWS: dict[str, Shape] = {"x": (3, 4)}

REFUSED = [
    ('"Convolution" convolution_param { num_output: 4 kernel_size: 3 }', TWO, "several bottoms"),
    ('"Convolution" convolution_param { num_output: 4 kernel_size: 3 axis: 2 }', X, "axis 2"),
    ('"Convolution" convolution_param { num_output: 4 kernel_size: 3 }', ROWS, "four dimensions"),
    (
        '"Convolution" convolution_param { num_output: 3 group: 2 kernel_size: 3 }',
        X,
        "4 channels and 3 outputs do not divide into 2 groups",
    ),
    (
        '"Deconvolution" convolution_param { num_output: 2 group: 3 kernel_size: 3 }',
        X,
        "4 channels and 2 outputs do not divide into 3 groups",
    ),
    (
        '"Convolution" convolution_param { num_output: 4 kernel_size: 3 stride: 0 }',
        X,
        "stride .* is not positive",
    ),
    ('"Convolution" convolution_param { num_output: 4 }', X, "one size or two"),
    ('"Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 }', X, "stochastic"),
    ('"Pooling" pooling_param { kernel_size: 6 }', X, "window of 6 does not fit into 5"),
    ('"Pooling" pooling_param { kernel_size: 2 pad: 2 }', X, "pads .* of a window"),
    ('"Pooling" pooling_param { kernel_size: 1 stride: 9 }', X, "Caffe's result there is undef"),
    ('"Pooling" top: "second" pooling_param { kernel_size: 2 }', X, "second top"),
    ('"PReLU"', FLAT, "without channels"),
    ('"BatchNorm"', FLAT, "without channels"),
    ('"BatchNorm" batch_norm_param { use_global_stats: false }', X, "set it to true"),
    ('"LRN" lrn_param { local_size: 4 }', X, "odd ones only"),
    ('"Log" log_param { base: 0 }', X, r"base 0\.0; it must be positive"),
    ('"Exp" exp_param { base: 1 }', X, r"base 1\.0; it must be positive"),
    ('"Exp" exp_param { base: -2 }', X, r"base -2\.0; it must be positive"),
    ('"Eltwise"', X, "two or more blobs"),
    ('"Eltwise"', {"x": (2, 4), "z": (2, 3)}, "two or more blobs of one shape"),
    ('"Eltwise" eltwise_param { operation: MAX coeff: 1 coeff: 2 }', TWO, "coefficients of"),
    ('"Eltwise" eltwise_param { coeff: 1 }', TWO, "1 coefficients for 2 bottoms"),
    ('"Scale" scale_param { axis: 3 num_axes: 2 }', X, "2 axes from axis 3"),
    ('"Scale" scale_param { axis: 4 }', X, "axis 4 does not exist"),
    ('"Slice" top: "y2" slice_param { axis: 3 }', X, "do not part into 2 tops"),
    ('"Slice" top: "y2" slice_param { slice_point: 9 }', X, "do not part into 2 tops"),
    ('"Flatten" flatten_param { axis: 2 end_axis: 1 }', X, "nothing from axis 2 to axis 1"),
    ('"Reshape" reshape_param { shape { dim: 3 dim: -1 } }', X, "does not reshape"),
    ('"Reshape" reshape_param { shape { dim: 1 } axis: 3 num_axes: 2 }', X, "2 axes from 3 on"),
    ('"Crop"', {"x": (2, 4, 5, 7), "z": (2, 4, 6, 7)}, "too small to be cropped"),
    ('"Crop" crop_param { offset: 1 offset: 1 offset: 1 }', TWO, "3 offsets for 2 axes"),
    ('"Tile" tile_param { tiles: 0 }', X, "0 tiles"),
    ('"Permute" permute_param { order: 4 }', X, "axis 4 does not exist"),
    ('"Softmax" softmax_param { axis: 4 }', X, "axis 4 does not exist"),
    ('"Softmax" softmax_param { axis: -5 }', X, "axis -5 does not exist"),
    ('"Normalize"', ROWS, "four dimensions"),
]


@pytest.mark.parametrize(("layer", "inputs", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_refuses_with_the_fact(
    tmp_path: Path, layer: str, inputs: dict[str, Shape], words: str
) -> None:
    bottoms = " ".join(f'bottom: "{name}"' for name in inputs)
    blobs: list[np.ndarray] = random_blobs((4, 4, 3, 3), (4,))
    model = make_model(
        tmp_path, inputs, [f'name: "layer" {bottoms} top: "y" type: {layer}'], {"layer": blobs}
    )
    with pytest.raises(UnsupportedModelError, match=words) as caught:
        read(model.prototxt, model.caffemodel)
    assert [problem.node for problem in caught.value.problems] == ["layer"]


def test_a_missing_bottom_is_refused(tmp_path: Path) -> None:
    model = make_model(tmp_path, X, ['name: "layer" type: "Crop" bottom: "x" top: "y"'])
    with pytest.raises(UnsupportedModelError, match="it has 1 bottoms, and needs 2"):
        read(model.prototxt, model.caffemodel)
