"""Each layer computes what real Caffe, or OpenCV where Caffe has no such layer, computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import caffe_references
from caffe_models import CaffeModel, Shape, make_model, random_blobs
from caffe_references import REFERENCES, Request
from opt_tool.formats.caffe import read
from opt_tool.formats.caffe.registry import IMPORTERS
from opt_tool.ir import verify
from opt_tool.runtime import Executor, Settings

BOUND = 1e-5  # of the output's scale; both sides compute in float32
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

    @property
    def top_names(self) -> list[str]:
        return [f"y{index}" for index in range(self.tops)]

    def make(self, folder: Path) -> CaffeModel:
        bottoms = " ".join(f'bottom: "{name}"' for name in self.inputs)
        tops = " ".join(f'top: "{name}"' for name in self.top_names)
        layer = f'name: "layer" type: "{self.type}" {bottoms} {tops} {self.text}'
        blobs = {"layer": self.blobs} if self.blobs else {}
        return make_model(folder, self.inputs, [layer], blobs)

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


def pool(text: str, size: Shape = (7, 9), reference: str = "caffe") -> Case:
    return Case("Pooling", f"pooling_param {{ {text} }}", {"x": (2, 3, *size)}, reference=reference)


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
    Case("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
]

ARITHMETIC = [
    Case("Power", "power_param { power: 1 scale: 0.5 shift: 3 }"),
    Case("Power", "power_param { power: 2 scale: 0.5 shift: 0.1 }"),
    Case("Power", "power_param { power: 3 }"),
    Case("Power", "power_param { power: 0 }"),
    Case("Power", "power_param { power: 0.5 shift: 3 }"),
    Case("Power", "power_param { power: -0.75 shift: 3 }"),
    Case("Exp"),
    Case("Exp", "exp_param { base: 2 scale: 0.5 shift: 0.3 }"),
    Case("Log", "log_param { shift: 3 }"),
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
    Case("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", reference="opencv"),
    Case("Crop", "crop_param { offset: 1 offset: 2 }", {"a": (2, 6, 7, 9), "b": (2, 3, 4, 5)}),
    Case("Crop", "crop_param { axis: 1 offset: 2 }", {"a": (2, 6, 7, 9), "b": (2, 3, 4, 5)}),
    Case("Tile", "tile_param { axis: 2 tiles: 3 }"),
    Case("ShuffleChannel", "shuffle_channel_param { group: 3 }", reference="opencv"),
    Case("Reorg", "reorg_param { stride: 2 }", {"x": (1, 8, 6, 4)}, reference="opencv"),
]

REDUCTIONS = [
    Case("Softmax"),
    Case("Softmax", "softmax_param { axis: -1 }", high=60),
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

RESIZINGS = [
    Case("Interp", "interp_param { height: 11 width: 5 }", reference="opencv"),
    Case("Interp", "interp_param { zoom_factor: 2 }", reference="opencv"),
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
]


TESTED_ELSEWHERE = {
    *("Axpy", "Clip", "ConvolutionDepthwise", "DepthwiseConvolution", "LogSoftmax"),
    *("Mish", "Parameter", "Upsample", "DetectionOutput", "PriorBox"),
}
"""In test_fork_layers.py and test_detection.py."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Computed:
    """A case as files, and what its reference makes of the samples."""

    model: CaffeModel
    expected: list[Arrays]


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Computed]]:
    """What the references that are there compute, all cases in one process."""
    results: dict[str, dict[int, Computed]] = {}
    for name in REFERENCES:
        if not caffe_references.is_there(name):
            continue
        cases = [case for case in CASES if case.reference == name]
        models = [case.make(tmp_path_factory.mktemp("case")) for case in cases]
        requests = [
            Request(model.prototxt, model.caffemodel, case.samples(), case.top_names)
            for model, case in zip(models, cases, strict=True)
        ]
        answers = caffe_references.run_all(name, requests)
        results[name] = {
            id(case): Computed(model, answer)
            for case, model, answer in zip(cases, models, answers, strict=True)
        }
    return results


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer_computes_what_the_reference_computes(
    case: Case, computed: dict[str, dict[int, Computed]]
) -> None:
    caffe_references.need(case.reference)
    one = computed[case.reference][id(case)]
    graph = read(one.model.prototxt, one.model.caffemodel, outputs=case.top_names)
    verify(graph)
    executor = Executor(graph, Settings())
    names = [value.name for value in graph.inputs]
    for sample, wanted in zip(case.samples(), one.expected, strict=True):
        found = executor.run({name: sample[name] for name in names})
        for name in case.top_names:
            assert_close(found[name], wanted[name])


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    """Caffe's scalars are vectors of one element here."""
    assert found.shape == (wanted.shape or (1,))
    scale = np.abs(wanted).max()
    assert scale > 0.1, "about zero, so comparing it proves nothing"
    assert np.abs(found - wanted.reshape(found.shape)).max() <= BOUND * scale


def test_every_layer_that_is_read_is_tested() -> None:
    assert set(IMPORTERS) == {case.type for case in CASES} | TESTED_ELSEWHERE
