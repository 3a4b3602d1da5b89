from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, run
from opt_tool.ir import Graph, Operation, Value, verify
from opt_tool.ir.operations.activation import HardSwish, LeakyRelu, PRelu, Relu, Relu6
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.quantization.batch_norm_statistics import batch_norm_limits
from opt_tool.passes.quantization.equalize_layers import equalize_layers, pairs, range_factors

CHANNELS = 8
FACTORS = 2.0 ** np.arange(-4, 4)


def uneven(b: TestGraphs, *shape: int, axis: int = 0) -> Value:
    """A weight whose channels have very different ranges."""
    factors = FACTORS.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return b.constant((b.weight(*shape).array() * factors).astype(np.float32))


def convolutions(
    b: TestGraphs, activation: Operation | None, kind: type[Conv2D] = Conv2D, groups: int = 1
) -> Graph:
    x = b.input(1, 4, 6, 7)
    y = b.add(
        Conv2D(activation=activation),  # type: ignore[arg-type]  # one case is no activation
        "first",
        Input=x,
        Filter=uneven(b, CHANNELS, 4, 3, 3),
        Bias=b.weight(CHANNELS),
    )
    weight = b.weight(CHANNELS, CHANNELS // groups, 3, 3)
    return b.build(b.add(kind(groups=groups), "second", Input=y, Filter=weight))


def assert_equalizes(graph: Graph, limits: dict[Value, np.ndarray] | None = None) -> None:
    """Assert that ranges become equal up to the nearest power of two, and no output changes."""
    (expected,) = run(graph).values()
    (pair,) = pairs(graph)
    assert ratios(graph).max() / ratios(graph).min() > 16
    assert list(equalize_layers(graph, {} if limits is None else limits)) == list(pair.between)
    verify(graph)
    assert 0.5 <= ratios(graph).min() <= ratios(graph).max() <= 2
    (found,) = run(graph).values()
    assert np.abs(expected).max() > 1
    np.testing.assert_array_equal(found, expected)


def ratios(graph: Graph) -> np.ndarray:
    (pair,) = pairs(graph)
    return np.abs(pair.before).max(axis=1) / np.abs(pair.behind).max(axis=1)


@pytest.mark.parametrize("activation", [None, Relu(), LeakyRelu(alpha=0.25)], ids=repr)
@pytest.mark.parametrize(("kind", "groups"), [(Conv2D, 1), (Conv2D, 2), (DepthwiseConv2D, 8)])
def test_equalizes_without_changing_a_bit(
    activation: Operation | None, kind: type[Conv2D], groups: int
) -> None:
    assert_equalizes(convolutions(TestGraphs(), activation, kind, groups))


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_knows_what_each_channel_is_multiplied_by(groups: int) -> None:
    graph = convolutions(TestGraphs(), Relu(), groups=groups)
    (pair,) = pairs(graph)
    weight = pair.second.input("Filter").array()
    size = CHANNELS // groups
    for channel in range(CHANNELS):
        group = channel // size
        readers = weight[group * size : (group + 1) * size, channel % size]
        assert sorted(pair.behind[channel]) == sorted(readers.reshape(-1))


def test_equalizes_across_prelu() -> None:
    b = TestGraphs()
    first = b.add(Conv2D(), Input=b.input(1, 4, 6, 7), Filter=uneven(b, CHANNELS, 4, 3, 3))
    bent = b.add(PRelu(), X=first, Alpha=b.constant(np.full(CHANNELS, 0.25, np.float32)))
    assert_equalizes(b.build(b.add(Conv2D(), Input=bent, Filter=b.weight(5, CHANNELS, 1, 1))))


def test_equalizes_matrices() -> None:
    b = TestGraphs()
    first = b.add(
        Fc(activation=Relu()),
        Input=b.input(3, 4),
        W=uneven(b, 4, CHANNELS, axis=1),
        Bias=b.weight(CHANNELS),
    )
    assert_equalizes(b.build(b.add(Fc(), Input=first, W=b.weight(CHANNELS, 5))))


def test_equalizes_a_chain() -> None:
    b = TestGraphs()
    x = b.input(3, CHANNELS)
    for axis in (0, 1, 0, 1):
        x = b.add(Fc(activation=Relu()), Input=x, W=uneven(b, CHANNELS, CHANNELS, axis=axis))
    graph = b.build(x)
    (expected,) = run(graph).values()
    equalize_layers(graph, {})
    for pair in pairs(graph):
        ratio = np.abs(pair.before).max(axis=1) / np.abs(pair.behind).max(axis=1)
        assert 0.25 <= ratio.min() <= ratio.max() <= 4
    (found,) = run(graph).values()
    np.testing.assert_array_equal(found, expected)


def test_relu6_is_equalized_only_where_it_cannot_cut() -> None:
    graph = convolutions(TestGraphs(), Relu6())
    assert equalize_layers(graph, {}) == {}
    (first, _) = graph.nodes
    limits = np.full(CHANNELS, 5.0)
    limits[::2] = 6.5
    (expected,) = run(graph).values()
    ((value, factors),) = equalize_layers(graph, {first.output: limits}).items()
    assert value is first.output
    assert np.all(factors[::2] == 1)
    assert np.all(factors >= 1), "dividing by less than 5 / 6 would lift a channel above 6"
    assert np.any(factors > 1)
    assert np.abs(expected).max() > 1


def test_relu6_that_stays_below_its_limit_computes_the_same() -> None:
    b = TestGraphs()
    weight = b.constant((b.weight(CHANNELS, 4).array() / 50).astype(np.float32).T.copy())
    first = b.add(Fc(activation=Relu6()), Input=b.input(3, 4), W=weight)
    graph = b.build(b.add(Fc(), Input=first, W=uneven(b, CHANNELS, 5)))
    (expected,) = run(graph).values()
    assert equalize_layers(graph, {first: np.full(CHANNELS, 0.4)})
    (found,) = run(graph).values()
    np.testing.assert_array_equal(found, expected)


def test_what_is_not_alone_or_bends_otherwise_is_kept() -> None:
    b = TestGraphs()
    x = b.input(3, CHANNELS)
    twice = b.add(Fc(), Input=x, W=uneven(b, CHANNELS, CHANNELS))
    outputs = [b.add(Fc(), Input=twice, W=b.weight(CHANNELS, 5)) for _ in range(2)]
    seen = b.add(Fc(), Input=x, W=uneven(b, CHANNELS, CHANNELS))
    outputs += [seen, b.add(Fc(), Input=seen, W=b.weight(CHANNELS, 5))]
    assert list(pairs(b.build(*outputs))) == []
    assert list(pairs(convolutions(TestGraphs(), HardSwish()))) == []


def test_parameters_keep_their_names_and_values_do_not() -> None:
    graph = convolutions(TestGraphs(), Relu())
    names = [value.name for value in graph.constants]
    equalize_layers(graph, {})
    assert sorted(value.name for value in graph.constants) == sorted(names)
    assert [node.output.name for node in graph.nodes] == ["first.equalized", "second"]


def test_channels_of_zeros_have_no_factor() -> None:
    before, behind = np.array([[0.0], [4.0], [4.0]]), np.array([[1.0], [0.0], [1.0]])
    assert range_factors(before, behind).tolist() == [1, 1, 2]


def test_a_batch_norm_limits_what_its_activation_reads() -> None:
    b = TestGraphs()
    norm = b.add(
        BatchNorm(),
        X=b.input(1, 2, 4, 4),
        Scale=b.constant(np.array([0.5, -1], np.float32)),
        Bias=b.constant(np.array([1, 2], np.float32)),
        Mean=b.weight(2),
        Variance=b.positive(2),
    )
    bent = b.add(Relu6(), X=norm)
    b.build(bent)
    limits = batch_norm_limits(b.graph)
    assert limits[norm].tolist() == limits[bent].tolist() == [4, 8]
