from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.api import cost
from opt_tool.api.conversion import convert
from opt_tool.api.inspection import describe, inspect, peak_memory_bytes
from opt_tool.ir import Dim, Operation, Quantization
from opt_tool.ir.operations import activation, convolution
from opt_tool.ir.operations.detection import MulticlassNms
from small_models import classifier

MACS = 8 * 16 * 16 * 3 * 9 + 5 * 7 * 7 * 8 * 9
PARAMETERS = 8 * 3 * 9 + 8 + 5 * 8 * 9 + 5


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def test_describes_a_source_as_it_is_in_the_file(tmp_path: Path) -> None:
    report = inspect(classifier(tmp_path / "model.onnx"))
    assert [(tensor.name, tensor.shape) for tensor in report.inputs] == [("image", (1, 3, 16, 16))]
    assert [tensor.name for tensor in report.outputs] == ["probabilities"]
    first = report.layers[0]
    assert (first.op, first.kernel, first.output_shape) == ("conv2d", None, (1, 8, 16, 16))
    assert (first.parameters, first.bits) == (8 * 3 * 9 + 8, 32)
    assert first.macs == 8 * 16 * 16 * 3 * 9
    assert first.activation_bytes == 8 * 16 * 16 * 4
    assert report.totals.macs == MACS
    assert report.totals.parameters == PARAMETERS
    assert report.totals.parameter_bytes == 4 * PARAMETERS


def test_a_target_and_its_file_show_the_same_layers(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    lowered = inspect(model, target="arm")
    convert(model, tmp_path / "model.nb", verify=False)
    written = inspect(tmp_path / "model.nb")
    assert len(lowered.layers) < len(inspect(model).layers)
    assert [(layer.op, layer.kernel, layer.macs) for layer in lowered.layers] == [
        (layer.op, layer.kernel, layer.macs) for layer in written.layers
    ]
    assert lowered.totals == written.totals


def test_names_the_layers_whose_sizes_are_open(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx", shape=(1, 3, "h", "w"))
    report = inspect(model)
    assert report.totals.macs is None
    assert report.totals.peak_memory_bytes is None
    assert report.layers[0].name in report.unknown
    assert report.layers[-1].name not in report.unknown, "its size does not depend on the image's"
    assert inspect(model, input_shapes={"image": (1, 3, 16, 16)}).unknown == ()


def test_the_peak_is_what_lives_at_once(b: TestGraphs) -> None:
    x = b.input(1, 100)
    for _ in range(5):
        x = b.add(activation.Relu(), X=x)
    assert peak_memory_bytes(b.build(x)) == 2 * 400


@pytest.mark.parametrize(
    ("kept", "boxes", "peak"),
    [
        (2, 3, 2 * 3 * (16 + 4) + 2 * 2 * (24 + 4)),
        (5, 3, 2 * 3 * (24 + 4) + 2 * 3 * 24),  # there are no more boxes
        (-1, 3, 2 * 3 * (24 + 4) + 2 * 3 * 24),
        (-1, "n", None),
    ],
)
def test_detections_count_as_many_as_are_kept_at_most(
    b: TestGraphs, kept: int, boxes: Dim, peak: int | None
) -> None:
    corners, scores = b.input(2, boxes, 4), b.input(2, 1, boxes, name="scores")
    nms = b.graph.add(MulticlassNms(keep_top_k=kept), {"BBoxes": corners, "Scores": scores})
    found, places = nms.outputs.flat()
    graph = b.build(b.add(activation.Relu(), X=found), places)
    assert peak_memory_bytes(graph) == peak


def test_a_value_that_is_read_again_lives_until_then(b: TestGraphs) -> None:
    x = b.input(1, 100)
    chain = x
    for _ in range(3):
        chain = b.add(activation.Relu(), X=chain)
    again = b.add(activation.Sigmoid(), X=x)
    assert peak_memory_bytes(b.build(chain, again)) == 3 * 400


def test_an_output_lives_to_the_end(b: TestGraphs) -> None:
    early = b.add(activation.Relu(), X=b.input(1, 100))
    late = b.add(activation.Relu(), X=b.add(activation.Relu(), X=early))
    assert peak_memory_bytes(b.build(late)) == 2 * 400
    b.graph.outputs.append(early)
    assert peak_memory_bytes(b.graph) == 3 * 400


@pytest.mark.parametrize(
    ("op", "filter_shape", "macs"),
    [
        (convolution.Conv2D(), (6, 4, 3, 3), 6 * 6 * 6 * 4 * 9),
        (convolution.Conv2D(groups=2), (6, 2, 3, 3), 6 * 6 * 6 * 2 * 9),
        (convolution.DepthwiseConv2D(groups=4), (4, 1, 3, 3), 4 * 6 * 6 * 9),
        (convolution.Conv2DTranspose(strides=(2, 2)), (4, 6, 3, 3), 4 * 8 * 8 * 6 * 9),
    ],
    ids=lambda x: str(x)[:20],
)
def test_counts_multiply_accumulates(
    b: TestGraphs, op: Operation, filter_shape: tuple[int, ...], macs: int
) -> None:
    out = b.add(op, Input=b.input(1, 4, 8, 8), Filter=b.weight(*filter_shape))
    (node,) = b.build(out).nodes
    assert cost.macs(node) == macs


def test_quantized_weights_count_in_the_bits_of_the_file(b: TestGraphs) -> None:
    scales = Quantization(8, np.ones(4, np.float32), 0)
    weight = b.graph.add_constant("w", np.ones((4, 3, 1, 1), np.int8), scales)
    out = b.add(convolution.Conv2D(), Input=b.input(1, 3, 4, 4), Filter=weight, Bias=b.weight(4))
    (layer,) = describe(b.build(out), "x", "onnx").layers
    assert (layer.bits, layer.parameters, layer.parameter_bytes) == (8, 16, 12 + 16)


def test_shows_how_convolutions_are_computed(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    chosen = {layer.op: layer.algorithm for layer in inspect(model).layers}
    forced = {layer.algorithm for layer in inspect(model, conv_algorithm="direct").layers}
    assert chosen["conv2d"] == "im2col"
    assert chosen["softmax"] is None
    assert forced == {"direct", None}
    by_rule = inspect(model, conv_policy="paddle-lite").layers[0]
    assert by_rule.algorithm == "winograd43", "16 * 16 outputs are 32 units"
