"""Each Caffe layer with odd sizes, pads and strides, and who says what is right.

That is real Caffe, or OpenCV where Caffe has no such layer. A layer of a fork that neither has
is compared with a twin: layers that they do have and that, by the source of the layer in its
fork, compute the same. These layers have twins: Axpy, Clip, DepthwiseConvolution, LogSoftmax,
Upsample, Dropout that scales, and Interp where it cuts borders off or goes by factors, which
OpenCV takes no notice of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from caffe_models import CaffeModel, Shape, make_model, random_blobs

SAMPLES = 2

Blobs = Sequence[np.ndarray]


@dataclass(frozen=True)
class Case:
    """One layer with odd sizes, and who says what is right."""

    type: str
    text: str = ""
    inputs: Mapping[str, Shape] = field(default_factory=lambda: {"x": (2, 6, 7, 9)})
    blobs: Blobs = ()
    tops: int = 1
    low: float = -2.0
    high: float = 2.0
    reference: str = "caffe"
    twin: Sequence[str] = ()
    twin_blobs: Mapping[str, Blobs] = field(default_factory=dict)

    @property
    def top_names(self) -> list[str]:
        return [f"y{index}" for index in range(self.tops)]

    def make(self, folder: Path) -> CaffeModel:
        bottoms = " ".join(f'bottom: "{name}"' for name in self.inputs)
        tops = " ".join(f'top: "{name}"' for name in self.top_names)
        layer = f'name: "layer" type: "{self.type}" {bottoms} {tops} {self.text}'
        blobs = {"layer": self.blobs} if self.blobs else {}
        return make_model(folder, self.inputs, [layer], blobs)

    def make_twin(self, folder: Path) -> CaffeModel:
        """What the reference runs: the twin, or the layer itself where it has none."""
        if not self.twin:
            return self.make(folder)
        return make_model(folder, self.inputs, self.twin, self.twin_blobs)

    def samples(self) -> list[dict[str, np.ndarray]]:
        rng = np.random.default_rng(0)
        return [
            {
                name: rng.uniform(self.low, self.high, shape).astype(np.float32)
                for name, shape in self.inputs.items()
            }
            for _ in range(SAMPLES)
        ]

    def __str__(self) -> str:
        words = self.text.split("{", 1)[-1].replace("}", "").replace(":", "").split()
        return "-".join([self.type, *words])


ONE = {"x": (2, 6, 7, 9)}
TWO = {"a": (2, 6, 7, 9), "b": (2, 6, 7, 9)}
THREE = {"a": (2, 6, 7, 9), "b": (2, 6, 7, 9), "c": (2, 6, 7, 9)}


def conv(text: str, *shapes: Shape, type: str = "Convolution", reference: str = "caffe") -> Case:
    return Case(
        type, f"convolution_param {{ {text} }}", blobs=random_blobs(*shapes), reference=reference
    )


def twin_layer(type: str, bottoms: str, top: str, text: str = "") -> str:
    """A layer of a twin; several bottoms or tops stand in one word each."""
    names = "".join(f' bottom: "{name}"' for name in bottoms.split())
    tops = "".join(f' top: "{name}"' for name in top.split())
    return f'name: "{top}" type: "{type}"{names}{tops} {text}'


def pool(text: str, size: Shape = (7, 9), reference: str = "caffe") -> Case:
    return Case("Pooling", f"pooling_param {{ {text} }}", {"x": (2, 3, *size)}, reference=reference)


def depthwise_without_group(type: str) -> Case:
    """Forks take as many groups as there are channels, whatever the text says."""
    param = "num_output: 12 kernel_h: 3 kernel_w: 2 pad: 1 stride: 2"
    blobs = random_blobs((12, 1, 3, 2), (12,))
    grouped = f"convolution_param {{ {param} group: 6 }}"
    return Case(
        type,
        f"convolution_param {{ {param} }}",
        blobs=blobs,
        twin=[twin_layer("Convolution", "x", "y0", grouped)],
        twin_blobs={"y0": blobs},
    )


CONVOLUTIONS = [
    conv("num_output: 5 kernel_size: 3", (5, 6, 3, 3), (5,)),
    conv("num_output: 4 kernel_size: 3 pad: 1 stride: 2 group: 2", (4, 3, 3, 3), (4,)),
    conv(
        "num_output: 5 kernel_h: 2 kernel_w: 3 pad_h: 1 pad_w: 2 stride_h: 2 stride_w: 1",
        (5, 6, 2, 3),
        (5,),
    ),
    conv("num_output: 5 kernel_size: 3 dilation: 2 pad: 2 bias_term: false", (5, 6, 3, 3)),
    conv("num_output: 6 kernel_size: 3 kernel_size: 2 group: 6 pad: 1", (6, 1, 3, 2), (6,)),
    conv("num_output: 12 kernel_size: 3 group: 6", (12, 1, 3, 3), (12,)),
    conv("num_output: 5 kernel_size: 3 stride: 2 pad: 1", (6, 5, 3, 3), (5,), type="Deconvolution"),
    conv(
        "num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 2 bias_term: false",
        (6, 2, 4, 4),
        type="Deconvolution",
    ),
    conv(
        "num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 6",
        (6, 1, 4, 4),
        (6,),
        type="Deconvolution",
    ),
    conv(
        "num_output: 6 group: 6 kernel_size: 3 stride: 2 pad: 1",
        (6, 1, 3, 3),
        (6,),
        type="ConvolutionDepthwise",
        reference="opencv",
    ),
    *(depthwise_without_group(name) for name in ("ConvolutionDepthwise", "DepthwiseConvolution")),
]

POOLINGS = [
    pool("pool: MAX kernel_size: 3 stride: 2"),
    pool("pool: MAX kernel_size: 2 stride: 2", (7, 8)),
    pool("pool: MAX kernel_size: 3 stride: 2 pad: 1", (6, 7)),
    pool("pool: AVE kernel_size: 3 stride: 2"),
    pool("pool: AVE kernel_size: 2 stride: 2", (7, 8)),
    pool("pool: AVE kernel_size: 3 stride: 2 pad: 1", (6, 7)),
    pool("pool: AVE kernel_size: 3 stride: 1 pad: 1"),
    pool("pool: AVE kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 0", (8, 10)),
    pool("pool: AVE kernel_size: 4 stride: 3 pad: 2", (9, 11)),
    pool("pool: AVE kernel_size: 2 stride: 3 pad: 1", (7, 9)),
    pool("pool: MAX kernel_size: 2 stride: 3 pad: 1", (5, 8)),
    pool("pool: MAX global_pooling: true"),
    pool("pool: AVE global_pooling: true"),
    pool("pool: MAX kernel_size: 2 stride: 2 ceil_mode: false", (7, 9), "opencv"),
]

ACTIVATIONS = [
    Case("AbsVal"),
    Case("BNLL"),
    Case("BNLL", low=-60, high=60),
    Case("ELU", "elu_param { alpha: 0.7 }"),
    Case("ReLU"),
    Case("ReLU", "relu_param { negative_slope: 0.3 }"),
    Case("ReLU6", low=-3, high=9, reference="opencv"),
    Case("PReLU", blobs=random_blobs((6,))),
    Case("PReLU", "prelu_param { channel_shared: true }", blobs=random_blobs(())),
    Case("Sigmoid"),
    Case("Swish", "swish_param { beta: 1.3 }"),
    Case("TanH"),
    Case("Threshold", "threshold_param { threshold: 0.4 }"),
    Case("Mish", low=-9, high=9, reference="opencv"),
    Case(
        "Clip",
        "clip_param { min: -0.5 max: 1 }",
        # min + relu(x - min) - relu(x - max)
        twin=[
            twin_layer("Power", "x", "above", "power_param { shift: 0.5 }"),
            twin_layer("ReLU", "above", "positive"),
            twin_layer("Power", "x", "over", "power_param { shift: -1 }"),
            twin_layer("ReLU", "over", "rest"),
            twin_layer("Eltwise", "positive rest", "sum", "eltwise_param { coeff: 1 coeff: -1 }"),
            twin_layer("Power", "sum", "y0", "power_param { shift: -0.5 }"),
        ],
    ),
    Case("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
    Case(
        "Dropout",
        "dropout_param { dropout_ratio: 0.3 scale_train: false }",
        twin=[twin_layer("Power", "x", "y0", "power_param { scale: 0.7 }")],
    ),
]

ARITHMETIC = [
    Case("Power", "power_param { power: 1 scale: 0.5 shift: 3 }"),
    Case("Power", "power_param { power: 2 scale: 0.5 shift: 0.1 }"),
    Case("Power", "power_param { shift: 1 }"),
    Case("Power", "power_param { power: 3 }"),
    Case("Power", "power_param { power: 0 }"),
    Case("Power", "power_param { power: 0.5 shift: 3 }"),
    Case("Power", "power_param { power: 7 }"),
    Case("Power", "power_param { power: -1 shift: 3 }"),
    Case("Power", "power_param { power: -0.5 shift: 3 }"),
    Case("Power", "power_param { power: -0.75 shift: 3 }"),
    Case("Exp"),
    Case("Exp", "exp_param { base: 2 scale: 0.5 shift: 0.3 }"),
    Case("Log", "log_param { shift: 3 }"),
    Case("Log", "log_param { base: 0.5 shift: 3 }"),
    Case("Log", "log_param { base: 10 scale: 0.5 shift: 3 }"),
    Case("Eltwise", "eltwise_param { operation: SUM }", THREE),
    Case("Eltwise", "eltwise_param { coeff: 1 coeff: -0.5 }", TWO),
    Case("Eltwise", "eltwise_param { operation: PROD }", THREE),
    Case("Eltwise", "eltwise_param { operation: MAX }", TWO),
    Case("Scale", blobs=random_blobs((6,))),
    Case("Scale", "scale_param { bias_term: true }", blobs=random_blobs((6,), (6,))),
    Case("Scale", "scale_param { axis: 2 num_axes: 2 }", blobs=random_blobs((7, 9))),
    Case("Scale", "scale_param { axis: 0 num_axes: 0 }", blobs=random_blobs(())),
    Case("Scale", "scale_param { axis: 0 }", {"x": (2, 6, 7, 9), "k": (2, 6)}),
    Case("Scale", "scale_param { num_axes: -1 }", blobs=random_blobs((6, 7, 9))),
    Case(
        "Scale",
        "scale_param { axis: 1 bias_term: true }",
        {"x": (2, 6, 7, 9), "k": (6, 7)},
        blobs=random_blobs((6, 7)),
    ),
    Case(
        "Axpy",
        "",
        {"k": (2, 6, 1, 1), "x": (2, 6, 7, 9), "z": (2, 6, 7, 9)},
        twin=[
            twin_layer("Reshape", "k", "flat", "reshape_param { shape { dim: 2 dim: 6 } }"),
            twin_layer("Scale", "x flat", "scaled", "scale_param { axis: 0 }"),
            twin_layer("Eltwise", "scaled z", "y0"),
        ],
    ),
    Case("Bias", blobs=random_blobs((6,))),
    Case("Bias", "bias_param { axis: 1 }", {"x": (2, 6, 7, 9), "k": (6, 7)}),
]

PRODUCTS = [
    Case(
        "InnerProduct",
        "inner_product_param { num_output: 5 }",
        blobs=random_blobs((5, 378), (5,)),
    ),
    Case(
        "InnerProduct",
        "inner_product_param { num_output: 5 axis: 2 bias_term: false }",
        blobs=random_blobs((5, 63)),
    ),
    Case(
        "InnerProduct",
        "inner_product_param { num_output: 5 transpose: true }",
        {"x": (3, 7)},
        blobs=random_blobs((7, 5), (5,)),
    ),
    Case(
        "InnerProduct",
        "inner_product_param { num_output: 5 axis: -1 }",
        {"x": (2, 3, 7)},
        blobs=random_blobs((5, 7), (5,)),
    ),
    Case(
        "Embed",
        "embed_param { num_output: 4 input_dim: 9 }",
        {"x": (3, 5)},
        blobs=random_blobs((9, 4), (4,)),
        low=0,
        high=9,
    ),
]

NORMALIZATIONS = [
    Case(
        "BatchNorm",
        "batch_norm_param { eps: 0.001 }",
        blobs=[*random_blobs((6,)), np.full(6, 2.5, np.float32), np.array([4], np.float32)],
    ),
    Case(
        "BatchNorm",
        blobs=[*random_blobs((6,)), np.full(6, 2.5, np.float32), np.array([0], np.float32)],
    ),
    Case("LRN"),
    Case("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 }"),
    Case("LRN", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 }"),
    Case("MVN"),
    Case("MVN", "mvn_param { across_channels: true eps: 0.01 }"),
    Case("MVN", "mvn_param { normalize_variance: false }"),
    Case("Normalize", blobs=[np.array([20], np.float32)], reference="opencv"),
    Case(
        "Normalize",
        "norm_param { across_spatial: false channel_shared: false }",
        blobs=random_blobs((6,)),
        reference="opencv",
    ),
]

REARRANGEMENTS = [
    Case("Concat", "", {"a": (2, 3, 4, 5), "b": (2, 1, 4, 5)}),
    Case("Concat", "concat_param { axis: -1 }", {"a": (2, 3, 4), "b": (2, 3, 2)}),
    Case("Concat", "concat_param { concat_dim: 0 }", {"a": (2, 3), "b": (1, 3)}),
    Case("Slice", "slice_param { axis: 1 slice_point: 1 slice_point: 4 }", tops=3),
    Case("Slice", "", tops=2),
    Case("Slice", "slice_param { slice_dim: 3 }", tops=3),
    Case("Split", tops=2),
    Case("Flatten"),
    Case("Flatten", "flatten_param { axis: 1 end_axis: 2 }"),
    Case("Flatten", "flatten_param { axis: -3 }"),
    Case("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 } }"),
    Case("Reshape", "reshape_param { shape { dim: 3 dim: 2 } axis: 1 num_axes: 1 }"),
    Case("Reshape", "reshape_param { shape { dim: 1 } axis: 2 num_axes: 0 }"),
    Case("Reshape", "reshape_param { shape { dim: -1 dim: 0 } axis: -3 num_axes: 2 }"),
    Case("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    Case("Permute", "permute_param { order: 3 }"),
    Case(
        "Parameter",
        "parameter_param { shape { dim: 3 dim: 5 dim: 7 } }",
        {},
        blobs=random_blobs((3, 5, 7)),
    ),
    Case("Crop", "crop_param { offset: 1 offset: 2 }", {"a": (2, 6, 7, 9), "b": (2, 3, 4, 5)}),
    Case("Crop", "crop_param { axis: 1 offset: 2 }", {"a": (2, 6, 7, 9), "b": (2, 3, 4, 5)}),
    Case("Tile", "tile_param { axis: 2 tiles: 3 }"),
    Case("ShuffleChannel", "shuffle_channel_param { group: 3 }", reference="opencv"),
    Case("Reorg", "reorg_param { stride: 2 }", {"x": (1, 12, 6, 10)}, reference="opencv"),
]

REDUCTIONS = [
    Case("Softmax"),
    Case("Softmax", "softmax_param { axis: -1 }", high=60),
    *(
        Case(
            "LogSoftmax",
            text,
            twin=[twin_layer("Softmax", "x", "p", text), twin_layer("Log", "p", "y0")],
        )
        for text in ("", "softmax_param { axis: -1 }")
    ),
    Case("ArgMax"),
    Case("ArgMax", "argmax_param { axis: 1 }"),
    Case("ArgMax", "argmax_param { top_k: 3 out_max_val: true }"),
    Case("ArgMax", "argmax_param { axis: 2 top_k: 2 out_max_val: true }"),
    Case("Reduction"),
    Case("Reduction", "reduction_param { axis: 1 coeff: 0.5 }"),
    Case("Reduction", "reduction_param { axis: -1 operation: MEAN }"),
    Case("Reduction", "reduction_param { axis: 2 operation: ASUM }"),
    Case("Reduction", "reduction_param { axis: 1 operation: SUMSQ }"),
]


def upsample(text: str, scale: int) -> Case:
    """Elements repeated, which a transposed convolution with a filter of ones does."""
    param = f"num_output: 6 group: 6 kernel_size: {scale} stride: {scale} bias_term: false"
    return Case(
        "Upsample",
        text,
        twin=[twin_layer("Deconvolution", "x", "y0", f"convolution_param {{ {param} }}")],
        twin_blobs={"y0": [np.ones((6, 1, scale, scale), np.float32)]},
    )


def interp(text: str, size: tuple[int, int], *cut: str) -> Case:
    """An Interp whose size OpenCV is told, after layers that cut borders off."""
    param = f"interp_param {{ height: {size[0]} width: {size[1]} }}"
    return Case(
        "Interp",
        f"interp_param {{ {text} }}",
        reference="opencv",
        twin=[*cut, twin_layer("Interp", "inside" if cut else "x", "y0", param)],
    )


CUT = (
    twin_layer(
        "Slice", "x", "up rows down", "slice_param { axis: 2 slice_point: 1 slice_point: 5 }"
    ),
    twin_layer(
        "Slice",
        "rows",
        "left inside right",
        "slice_param { axis: 3 slice_point: 1 slice_point: 7 }",
    ),
)
"""One row and column off in front and two behind."""

CELLS: Mapping[str, Shape] = {"cells": (1, 4, 3, 5), "image": (1, 3, 30, 40)}
VARIANCES = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.3"
SIZES = "min_size: 6 min_size: 9 max_size: 12 max_size: 20"
INVERSES = "aspect_ratio: 1 aspect_ratio: 2 aspect_ratio: 0.5"

PRIOR_BOXES = [
    Case("PriorBox", f"prior_box_param {{ {text} }}", CELLS, reference="opencv")
    for text in (
        f"{SIZES} aspect_ratio: 2 aspect_ratio: 3 flip: true clip: false {VARIANCES}",
        "min_size: 7 aspect_ratio: 2 aspect_ratio: 3 flip: false clip: false variance: 0.2",
        f"min_size: 7 {INVERSES} flip: true clip: false variance: 0.2",
        "min_size: 20 flip: true clip: true variance: 0.2",
        "min_size: 7 flip: true clip: false step: 8 offset: 0.3 variance: 0.2",
        "min_size: 7 flip: true clip: false step_h: 8 step_w: 9 variance: 0.2",
    )
]
"""OpenCV has no defaults for most parameters; it takes no notice of img_size and img_h, img_w."""

RESIZINGS = [
    Case("Interp", "interp_param { height: 11 width: 5 }", reference="opencv"),
    Case("Interp", "interp_param { zoom_factor: 2 }", reference="opencv"),
    interp("shrink_factor: 2", (4, 5)),
    interp("shrink_factor: 3 zoom_factor: 2", (5, 5)),
    interp("height: 11 width: 5 pad_beg: -1 pad_end: -2", (11, 5), *CUT),
    interp("zoom_factor: 3 pad_beg: -1 pad_end: -2", (10, 16), *CUT),
    upsample("", 2),
    upsample("upsample_param { scale: 3 }", 3),
    upsample("upsample_param { stride: 3 }", 3),
]

CASES = [
    *CONVOLUTIONS,
    *POOLINGS,
    *ACTIVATIONS,
    *ARITHMETIC,
    *PRODUCTS,
    *NORMALIZATIONS,
    *REARRANGEMENTS,
    *REDUCTIONS,
    *RESIZINGS,
    *PRIOR_BOXES,
]
