"""Each layer computes what real Caffe, or OpenCV where Caffe has no such layer, computes."""

from __future__ import annotations

from pathlib import Path

import pytest

import caffe_references
from caffe_answers import Computed, compute, difference
from caffe_detectors import DETECTORS
from caffe_layer_cases import CASES, Case
from caffe_models import random_blobs
from opt_tool.formats.caffe import read
from opt_tool.formats.caffe.registry import INPUT, supported_layers
from opt_tool.ir import verify
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor

BOUND = 1e-5  # of the output's scale; both sides compute in float32


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Computed]:
    return compute(tmp_path_factory.mktemp)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer_computes_what_the_reference_computes(
    case: Case, computed: dict[int, Computed]
) -> None:
    caffe_references.need(case.reference)
    one = computed[id(case)]
    graph = read(one.model.prototxt, one.model.caffemodel, outputs=case.top_names)
    verify(graph)
    executor = Executor(graph, Settings())
    names = [value.name for value in graph.inputs]
    for sample, wanted in zip(case.samples(), one.expected, strict=True):
        found = executor.run({name: sample[name] for name in names})
        for name in case.top_names:
            assert difference(found[name], wanted[name]) <= BOUND


@pytest.mark.parametrize(("groups", "made"), [(1, "conv2d"), (6, "depthwise_conv2d")])
def test_a_group_for_each_channel_is_depthwise(tmp_path: Path, groups: int, made: str) -> None:
    param = f"convolution_param {{ num_output: 6 kernel_size: 3 group: {groups} }}"
    blobs = random_blobs((6, 6 // groups, 3, 3), (6,))
    model = Case("Convolution", param, blobs=blobs).make(tmp_path)
    graph = read(model.prototxt, model.caffemodel)
    assert [node.op.type for node in graph.nodes] == [made]


@pytest.mark.parametrize(
    ("power", "made"),
    [
        ("1", ["assign"]),
        ("2", ["square"]),
        ("0.5", ["sqrt"]),
        ("-0.5", ["rsqrt"]),
        ("-1", ["reciprocal"]),
        ("4", ["square", "square"]),
        ("5", ["square", "square", "elementwise_mul"]),
        ("1.5", ["elementwise_pow"]),
        ("17", ["elementwise_pow"]),
        ("-3", ["elementwise_pow"]),
    ],
)
def test_powers_are_products_where_the_runtimes_pow_would_be_nan(
    tmp_path: Path, power: str, made: list[str]
) -> None:
    model = Case("Power", f"power_param {{ power: {power} }}").make(tmp_path)
    graph = read(model.prototxt, model.caffemodel)
    assert [node.op.type for node in graph.nodes] == made


def test_every_layer_that_is_read_is_tested() -> None:
    tested = {case.type for case in CASES} | {detector.type for detector in DETECTORS}
    assert set(supported_layers()) - tested == {INPUT}
