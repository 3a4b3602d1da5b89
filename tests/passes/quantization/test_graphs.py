from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, feeds, run
from opt_tool.ir import Graph, Node, verify
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.indexing import LookupTable
from opt_tool.ir.operations.matmul import Fc, MatMulV2
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceMean
from opt_tool.ir.operations.shape import FlattenContiguousRange, Reshape2
from opt_tool.ir.types import DType
from opt_tool.passes.quantization.batch_norm_statistics import batch_norm_means, normal_numbers
from opt_tool.passes.quantization.choose_widths import choose_widths
from opt_tool.passes.quantization.correct_bias import ChannelMeans, correct_bias
from opt_tool.passes.quantization.method import METHODS
from opt_tool.passes.quantization.quantize_weights import RoundedWeights, quantize_weights
from opt_tool.passes.quantization.shared_weights import better_float
from opt_tool.passes.quantization.weights import finite_weights, float_weights, restored_weights
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

VERSION = LiteVersion.V2_13
PARITY = METHODS["parity"]
BIAS_STEP = 4 * float(np.finfo(np.float32).eps)
"""How far a mean may be from what it was, of the largest: biases and the means that they take
up are 32-bit floats."""


def quantize(graph: Graph, bits: int = 8) -> list[int]:
    weights = list(restored_weights(graph, VERSION))
    done = quantize_weights(graph, dict.fromkeys(weights, bits), RoundedWeights(PARITY))
    verify(graph)
    return [weight.bits for weight in done]


def conv(b: TestGraphs, **options: int) -> Graph:
    groups = options.get("groups", 1)
    kind = DepthwiseConv2D if groups == 4 else Conv2D
    weight = b.weight(8 if groups == 1 else 4, 4 // groups, 3, 3)
    return b.build(b.add(kind(groups=groups), Input=b.input(1, 4, 6, 7), Filter=weight))


@pytest.mark.parametrize(("bits", "bound"), [(8, 2e-2), (16, 1e-4)])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolutions_are_stored_as_integers(groups: int, bits: int, bound: float) -> None:
    graph = conv(TestGraphs(), groups=groups)
    (expected,) = run(graph).values()
    assert quantize(graph, bits) == [bits]
    (node,) = graph.nodes
    weight = node.input("Filter")
    assert weight.data is not None
    assert weight.data.dtype == (np.int8 if bits == 8 else np.int16)
    (found,) = run(graph).values()
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert 0 < difference < bound


def test_an_fc_has_a_scale_for_each_column_and_its_bias_stays() -> None:
    b = TestGraphs()
    y = b.add(Fc(), Input=b.input(3, 6), W=b.weight(6, 4), Bias=b.weight(4))
    graph = b.build(y)
    assert quantize(graph) == [8]
    (fc,) = graph.nodes
    weight = fc.input("W")
    assert weight.quantization is not None
    assert (weight.quantization.axis, weight.quantization.scales.shape) == (1, (4,))
    assert fc.input("Bias").quantization is None


def test_a_shared_weight_is_given_to_each_as_a_copy() -> None:
    b = TestGraphs()
    x, weight = b.input(3, 4), b.weight(4, 4)
    y = b.add(Fc(), Input=b.add(Fc(), Input=x, W=weight), W=weight)
    graph = b.build(y)
    assert quantize(graph) == [8, 8]
    first, second = (node.input("W") for node in graph.nodes)
    assert first is not second
    assert np.array_equal(first.array(), second.array())


def test_what_is_not_restored_stays_float_and_is_named() -> None:
    b = TestGraphs()
    deconvolved = b.add(Conv2DTranspose(), Input=b.input(1, 4, 5, 5), Filter=b.weight(4, 8, 3, 3))
    product = b.add(MatMulV2(), X=b.input(3, 16), Y=b.weight(16, 16))
    graph = b.build(deconvolved, product)
    assert list(restored_weights(graph, VERSION)) == []
    assert [weight.op for weight in float_weights(graph, VERSION)] == [
        "conv2d_transpose",
        "matmul_v2",
    ]


@pytest.mark.parametrize(("version", "count"), [(LiteVersion.V2_8, 0), (LiteVersion.V2_9, 1)])
def test_tables_are_restored_from_2_9_on(version: LiteVersion, count: int) -> None:
    b = TestGraphs()
    ids = b.input(5, 1, dtype=DType.INT64)
    graph = b.build(b.add(LookupTable(), W=b.weight(32, 16), Ids=ids))
    assert len(list(restored_weights(graph, version))) == count
    assert len(list(float_weights(graph, version))) == 1 - count


def test_a_computed_weight_is_kept() -> None:
    b = TestGraphs()
    graph = b.build(
        b.add(Conv2D(), Input=b.input(1, 4, 5, 5), Filter=b.add(Relu(), X=b.input(2, 4, 3, 3)))
    )
    assert list(restored_weights(graph, VERSION)) == []


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_weight_with_numbers_that_are_not_finite_is_kept(number: float) -> None:
    b = TestGraphs()
    graph = conv(b)
    (node,) = graph.nodes
    weight = node.input("Filter").data
    assert weight is not None
    assert len(list(finite_weights(graph, VERSION))) == 1
    weight[1, 2, 0, 1] = number
    assert list(finite_weights(graph, VERSION)) == []


def test_shared_weights_stay_float_where_copies_take_no_less() -> None:
    b = TestGraphs()
    twice, often, beside, alone = (b.weight(32, 32) for _ in range(4))
    x = b.input(1, 32)
    for weight in (twice, twice, *[often] * 4, beside, alone):
        x = b.add(Fc(), Input=x, W=weight)
    graph = b.build(b.add(ElementwiseAdd(), X=x, Y=beside))
    weights = list(restored_weights(graph, VERSION))
    assert {weight.value for weight in better_float(dict.fromkeys(weights, 8))} == {often, beside}
    wide = dict.fromkeys(weights, 16)
    assert {weight.value for weight in better_float(wide)} == {twice, often, beside}
    mixed = {weight: 32 if weight is weights[0] else 8 for weight in weights}
    assert {weight.value for weight in better_float(mixed)} == {twice, often, beside}


def test_a_matrix_that_moves_rows_of_boxes_is_kept() -> None:
    b = TestGraphs()
    boxes = b.add(Fc(), Input=b.input(3, 8), W=b.weight(8, 12))
    shaped = b.add(Reshape2(shape=(1, 9, 4)), X=boxes)
    rows, _ = b.add_all(MulticlassNms(), BBoxes=shaped, Scores=b.input(1, 2, 9))
    graph = b.build(b.add(Fc(), Input=rows, W=b.weight(6, 7)))
    assert [weight.value.shape for weight in restored_weights(graph, VERSION)] == [(8, 12)]


def test_what_has_no_elements_has_no_mean() -> None:
    b = TestGraphs()
    x = b.input("n", 6)
    graph = b.build(b.add(Fc(), Input=x, W=b.weight(6, 4)))
    nothing, ones = (np.ones((rows, 6), np.float32) for rows in (0, 2))
    assert channel_means(graph, {x.name: nothing}) == {}
    (mean,) = channel_means(graph, {x.name: nothing}, {x.name: ones}).values()
    np.testing.assert_array_equal(mean, 1)


def test_infinities_say_nothing_of_a_mean() -> None:
    b = TestGraphs()
    x = b.input(1, 2)
    graph = b.build(b.add(Fc(), Input=x, W=b.weight(2, 4)))
    infinite = np.array([[1, -np.inf]], np.float32)
    both = np.array([[np.inf, -np.inf]], np.float32)
    assert channel_means(graph, {x.name: infinite}, {x.name: both}) == {}
    ones = np.ones((1, 2), np.float32)
    (mean,) = channel_means(graph, {x.name: infinite}, {x.name: ones}).values()
    np.testing.assert_array_equal(mean, 1)


def test_what_is_known_is_not_measured_and_nothing_behind_is_run() -> None:
    b = TestGraphs()
    first = b.add(Conv2D(), Input=b.input(1, 3, 9, 9), Filter=b.weight(4, 3, 3, 3))
    second = b.add(Conv2D(), Input=first, Filter=b.weight(5, 4, 3, 3))
    third = b.add(Conv2D(), Input=second, Filter=b.weight(2, 5, 3, 3))
    graph = b.build(third)
    measured = channel_means(graph, feeds(graph))
    known = np.arange(5)
    means = ChannelMeans(graph, {second: known}, whole=False)
    found = means.over([means.of(feeds(graph))])
    assert list(found) == [third.producer, first.producer, second.producer]
    for node, mean in found.items():
        expected = known if node is third.producer else measured[node]
        np.testing.assert_array_equal(mean, expected)
    ran: list[Node] = []
    until = Executor(graph, until=first.producer)
    assert until.run(feeds(graph), watch=lambda node, _: ran.append(node)) == {}
    assert ran == [first.producer]


def test_an_fc_reads_the_known_mean_of_a_channel_at_each_place() -> None:
    b = TestGraphs()
    x = b.input(1, 3, 2, 2)
    flat = b.add(Fc(), Input=x, W=b.weight(12, 4))
    rows = b.add(Fc(in_num_col_dims=3), Input=x, W=b.weight(2, 4))
    means = ChannelMeans(b.build(flat, rows), {x: np.arange(3)}, whole=False)
    found = means.over([means.of({x.name: np.full((1, 3, 2, 2), 7, np.float32)})])
    assert {node.output: mean.tolist() for node, mean in found.items()} == {
        flat: [0] * 4 + [1] * 4 + [2] * 4,
        rows: [7] * 2,
    }


def test_the_smallest_weights_get_16_bits_within_the_spare_share() -> None:
    b = TestGraphs()
    x = b.input(1, 40)
    small = b.add(Fc(), Input=x, W=b.weight(40, 4))
    graph = b.build(b.add(Fc(), Input=small, W=b.weight(4, 4000)))
    weights = list(restored_weights(graph, VERSION))
    added = 160 / (4 * (160 + 16000))
    assert list(choose_widths(weights, 8, 1.01 * added, {}).values()) == [16, 8]
    assert list(choose_widths(weights, 8, 0.99 * added, {}).values()) == [8, 8]
    assert list(choose_widths(weights, 4, 1.0, {}).values()) == [4, 4]
    assert list(choose_widths(weights, 8, 1.0, {weights[0]: 32}).values()) == [32, 16]


def test_depthwise_filters_get_16_bits_where_there_is_any_spare_share() -> None:
    b = TestGraphs()
    x = b.add(Conv2D(groups=2), Input=b.input(1, 4, 9, 9), Filter=b.weight(4, 2, 3, 3))
    for kind in (DepthwiseConv2D, Conv2D):  # not every kernel takes it as a depthwise one
        x = b.add(kind(groups=4), Input=x, Filter=b.weight(4, 1, 3, 3))
    graph = b.build(b.add(Conv2D(), Input=b.input(1, 1, 9, 9), Filter=b.weight(4, 1, 3, 3)), x)
    weights = list(restored_weights(graph, VERSION))
    assert list(choose_widths(weights, 8, 1e-9, {}).values()) == [8, 16, 16, 8]
    assert list(choose_widths(weights, 8, 0.0, {}).values()) == [8, 8, 8, 8]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_correction_makes_the_mean_output_exact(groups: int) -> None:
    b = TestGraphs()
    kind = DepthwiseConv2D if groups == 4 else Conv2D
    weight = b.weight(4, 4 // groups, 3, 3)
    graph = b.build(b.add(kind(groups=groups), Input=b.input(1, 4, 9, 9), Filter=weight))
    sample = {"x": np.ones((1, 4, 9, 9), np.float32) * b.positive(4, 1, 1).array()}
    expected = run_on(graph, sample).mean(axis=(0, 2, 3))
    means = channel_means(graph, sample)
    exact = {node: node.input("Filter").array() for node in graph.nodes}
    quantize(graph, 4)
    assert np.abs(run_on(graph, sample).mean(axis=(0, 2, 3)) - expected).max() > 1e-3
    assert correct_bias(graph, exact, means) == 1
    verify(graph)
    found = run_on(graph, sample).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(found, expected, atol=BIAS_STEP * np.abs(expected).max())


def test_correction_adds_to_the_bias_of_an_fc() -> None:
    b = TestGraphs()
    y = b.add(Fc(), Input=b.input(8, 6), W=b.weight(6, 4), Bias=b.weight(4))
    graph = b.build(y)
    sample = {"x": feeds(graph)["x"] + 1}
    expected = run_on(graph, sample).mean(axis=0)
    means = channel_means(graph, sample)
    exact = {node: node.input("W").array() for node in graph.nodes}
    quantize(graph, 4)
    correct_bias(graph, exact, means)
    found = run_on(graph, sample).mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=BIAS_STEP * np.abs(expected).max())


def channel_means(graph: Graph, *samples: dict[str, np.ndarray]) -> dict[Node, np.ndarray]:
    means = ChannelMeans(graph, {})
    return means.over([means.of(sample) for sample in samples])


def run_on(graph: Graph, sample: dict[str, np.ndarray]) -> np.ndarray:
    """The only output, computed in float64 of the weights as they are stored."""
    wide = {name: array.astype(np.float64) for name, array in sample.items()}
    return next(iter(Executor(in_double_precision(graph)).run(wide).values()))


def test_the_mean_behind_a_batch_norm_and_relu_is_that_of_a_cut_normal() -> None:
    b = TestGraphs()
    beta = np.array([0, 1, -3], np.float32)
    gamma = np.array([1, -2, 0.5], np.float32)
    norm = b.add(
        BatchNorm(),
        X=b.input(1, 3, 4, 4),
        Scale=b.constant(gamma),
        Bias=b.constant(beta),
        Mean=b.weight(3),
        Variance=b.positive(3),
    )
    relu = b.add(Relu(), X=norm)
    b.build(relu)
    means = batch_norm_means(b.graph)
    np.testing.assert_allclose(means[norm], beta, atol=1e-6)
    np.testing.assert_allclose(means[relu], [0.39894, 1.39559, 0.0], atol=5e-4)


def test_averages_over_places_and_flattening_keep_the_mean_of_each_channel() -> None:
    b = TestGraphs()
    norm = b.add(
        BatchNorm(),
        X=b.input(1, 3, 4, 4),
        Scale=b.weight(3),
        Bias=b.constant(np.array([0, 1, -3], np.float32)),
        Mean=b.weight(3),
        Variance=b.positive(3),
    )
    means_of_places = [
        b.add(Pool2D(pooling_type="avg", global_pooling=True), X=norm),
        b.add(Pool2D(pooling_type="avg", ksize=(2, 2), strides=(2, 2)), X=norm),
        b.add(ReduceMean(dim=(2, 3)), X=norm),
    ]
    flat = [
        b.add(FlattenContiguousRange(start_axis=1, stop_axis=-1), X=norm),
        b.add(Reshape2(shape=(1, 3)), X=means_of_places[0]),
    ]
    flat.append(b.add(Reshape2(shape=(1, 48, 1, 1)), X=flat[0]))
    others = [
        b.add(Pool2D(ksize=(2, 2)), X=norm),
        b.add(
            Pool2D(pooling_type="avg", ksize=(2, 2), paddings=(1, 1, 1, 1), exclusive=False), X=norm
        ),
        b.add(ReduceMean(dim=(1, 2)), X=norm),
        b.add(Reshape2(shape=(1, 4, 3, 4)), X=norm),
        b.add(Reshape2(shape=(3, 16)), X=norm),
    ]
    graph = b.build(*means_of_places, *flat, *others)
    means = batch_norm_means(graph)
    for value in means_of_places:
        np.testing.assert_array_equal(means[value], means[norm])
    for value in flat:
        assert (
            means[value].tolist()
            == np.repeat(means[norm], value.type.static_shape[1] // 3).tolist()
        )
    assert not set(others) & set(means)


def test_normal_numbers_have_mean_0_and_variance_1_and_lie_as_normal_ones_do() -> None:
    numbers = normal_numbers(1024)
    assert abs(numbers.mean(dtype=np.float64)) < 1e-7
    assert numbers.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert [(numbers < place).mean() for place in (-1, 0, 2)] == pytest.approx(
        [0.1587, 0.5, 0.9772], abs=0.001
    )


def test_sums_of_branches_are_as_wide_as_sums_of_random_numbers() -> None:
    b = TestGraphs()
    channels = 400
    branches = [
        b.add(
            BatchNorm(),
            X=b.input(1, channels, 4, 4),
            Scale=b.constant(np.ones(channels, np.float32)),
            Bias=b.constant(np.zeros(channels, np.float32)),
            Mean=b.weight(channels),
            Variance=b.positive(channels),
        )
        for _ in range(2)
    ]
    relu = b.add(Relu(), X=b.add(ElementwiseAdd(), X=branches[0], Y=branches[1]))
    b.build(relu)
    found = batch_norm_means(b.graph)[relu]
    assert found.mean() == pytest.approx(1 / np.sqrt(np.pi), abs=0.005)
    assert 0 < found.std() < 0.02
