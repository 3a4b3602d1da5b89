from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, feeds, planned
from opt_tool.errors import UsageError
from opt_tool.ir import DType, Graph, TensorType
from opt_tool.ir.operations.activation import HardSwish, Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.kernels.convolution import direct_conv2d
from opt_tool.runtime.binding import ALGORITHMS, Settings
from opt_tool.runtime.convolution_plan import TRANSFORMS, Layer, algorithm_of, choose, cost
from opt_tool.runtime.executor import Executor

ERRORS = {"winograd43": 7e-6, "winograd63": 2e-5}
"""The largest error of the inexact ones as a part of the largest output."""

BASE = Layer(1, 64, 64, 1, (56, 56), (3, 3), (1, 1), (1, 1))


def changed(**changes: object) -> Layer:
    return BASE._replace(**changes)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("layer", "algorithm"),
    [
        (BASE, "winograd43"),
        (changed(channels=128, out_channels=128, size=(112, 112)), "winograd63"),
        (changed(channels=256, out_channels=256, size=(14, 14)), "winograd23"),
        (changed(channels=512, out_channels=512, size=(28, 28)), "winograd43"),
        (changed(channels=512, out_channels=512, size=(14, 14)), "winograd23"),
        (changed(channels=512, out_channels=512, size=(7, 7)), "im2col"),
        (changed(channels=3, size=(224, 224)), "im2col"),
        (changed(strides=(2, 2)), "im2col"),
        (changed(dilations=(2, 2)), "im2col"),
        (changed(kernel=(5, 5)), "im2col"),
        (changed(kernel=(1, 1)), "pointwise"),
        (changed(groups=64), "depthwise"),
    ],
    ids=str,
)
def test_costs_decide(layer: Layer, algorithm: str) -> None:
    assert choose(layer, Settings()) == algorithm


@pytest.mark.parametrize(
    ("size", "threads", "algorithm"),
    [
        ((11, 11), 1, "winograd23"),
        ((16, 8), 1, "winograd43"),
        ((16, 17), 1, "winograd43"),
        ((16, 18), 1, "winograd63"),
        ((16, 18), 2, "winograd43"),
        ((16, 15), 2, "winograd23"),
    ],
)
def test_paddle_lites_rule_looks_at_the_output_and_the_threads(
    size: tuple[int, int], threads: int, algorithm: str
) -> None:
    settings = Settings(threads=threads, conv_policy="paddle-lite")
    assert choose(changed(size=size), settings) == algorithm


def test_paddle_lites_rule_takes_no_groups() -> None:
    assert choose(changed(groups=2), Settings(conv_policy="paddle-lite")) == "im2col"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_is_forced_where_it_can_compute_the_layer(algorithm: str) -> None:
    settings = Settings(conv_algorithm=algorithm)
    assert choose(BASE, settings) == algorithm
    assert choose(changed(kernel=(1, 1)), settings) == "pointwise"
    strided = "im2col" if algorithm in TRANSFORMS else algorithm
    assert choose(changed(strides=(2, 1)), settings) == strided


def test_costs_grow_with_the_layer() -> None:
    for algorithm in ("im2col", *TRANSFORMS):
        assert cost(changed(channels=65), algorithm) > cost(BASE, algorithm)
        assert cost(changed(size=(62, 56)), algorithm) > cost(BASE, algorithm)


@pytest.mark.parametrize("settings", [{"conv_algorithm": "fft"}, {"conv_policy": "luck"}], ids=str)
def test_refuses_names_that_mean_nothing(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="there are"):
        Settings(**settings)  # type: ignore[arg-type]  # fields by name


def convolution(*shape: int | str, **attributes: object) -> Graph:
    b = TestGraphs()
    x = b.graph.add_input("x", TensorType(DType.FLOAT32, shape))
    op = Conv2D(**attributes)  # type: ignore[arg-type]  # fields by name
    weight = b.weight(6, 4 // op.groups, 3, 3)
    operands = {"Input": x, "Filter": weight, "Bias": b.weight(6)}
    b.graph.outputs = [b.add_all(op, **operands)[0]]
    return b.graph


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dims", [(2, 4, 9, 11), ("n", 4, "h", "w")], ids=["known", "open"])
@pytest.mark.parametrize(
    "activation",
    [None, Relu(), HardSwish(threshold=6, scale=6, offset=3), Sigmoid()],
    ids=lambda op: op.type if op is not None else "none",
)
def test_every_algorithm_computes_the_same(
    algorithm: str, dims: tuple[int | str, ...], activation: object
) -> None:
    attributes = {"paddings": (1, 0, 2, 1), "activation": activation, "groups": 2}
    fed = {"x": feeds(convolution(2, 4, 9, 11))["x"]}
    graph = convolution(*dims, **attributes)
    (expected,) = Executor(graph).run(fed).values()
    (y,) = Executor(graph, Settings(conv_algorithm=algorithm)).run(fed).values()
    assert np.abs(y - expected).max() <= ERRORS.get(algorithm, 1e-6) * np.abs(expected).max()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("groups", [1, 4])
def test_every_algorithm_adds_a_residual_where_it_lies(algorithm: str, groups: int) -> None:
    b = TestGraphs()
    x = b.input(1, 4, 9, 11)
    op = Conv2D(paddings=(1, 1, 1, 1), groups=groups)
    operands, others = (
        {"Filter": b.weight(4, 4 // groups, 3, 3), "Bias": b.weight(4)} for _ in range(2)
    )
    residual = b.add(op, Input=x, **others)
    plain = [b.add(op, Input=x, **weights) for weights in (operands, others)]
    fused = b.add(op.replaced(activation=Relu()), Input=x, ResidualData=residual,
                  **operands)  # fmt: skip
    graph = b.build(*plain, b.add(Tanh(), X=fused))
    executor = Executor(graph, Settings(conv_algorithm=algorithm))
    assert planned(graph).offsets[fused] == planned(graph).offsets[residual]
    first, second, third = executor.run(feeds(graph)).values()
    np.testing.assert_allclose(third, np.tanh(np.maximum(first + second, 0)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("groups", [1, 4])
def test_a_bias_may_be_computed(algorithm: str, groups: int) -> None:
    b = TestGraphs()
    x, bias = b.input(1, 4, 9, 11), b.input(4)
    weight = b.weight(4, 4 // groups, 3, 3)
    op = Conv2D(groups=groups, activation=Relu())
    graph = b.build(
        b.add(op, Input=x, Filter=weight, Bias=bias),
        b.add(op.replaced(activation=None), Input=x, Filter=weight),
    )
    executor = Executor(graph, Settings(conv_algorithm=algorithm))
    for scale in (1, -2):
        fed = feeds(graph)
        fed[bias.name] = scale * fed[bias.name]
        biased, plain = executor.run(fed).values()
        expected = np.maximum(plain + fed[bias.name].reshape(-1, 1, 1), 0)
        np.testing.assert_allclose(biased, expected, rtol=0, atol=1e-5)


def test_says_how_a_node_is_computed() -> None:
    (node,) = convolution(1, 4, 9, 9).nodes
    assert algorithm_of(node, Settings(conv_algorithm="winograd63")) == "winograd63"
    (node,) = convolution(1, 4, "h", 9).nodes
    assert algorithm_of(node, Settings()) is None


def test_weights_that_are_kept_in_another_form_are_let_go() -> None:
    graph = convolution(1, 4, 9, 9)
    (node,) = graph.nodes
    expected = Executor(graph).run(feeds(graph))
    size = node.input("Filter").array().nbytes
    executor = Executor(graph, release=True)
    assert (executor.released_bytes, executor.weight_bytes) == (size, size + 6 * 4)
    assert set(node.input("Filter").array().strides) == {0}
    assert np.shares_memory(executor.constant(node.input("Bias")), node.input("Bias").array())
    for name, y in executor.run(feeds(graph)).items():
        np.testing.assert_array_equal(y, expected[name])


@pytest.mark.parametrize("dims", [(1, 4, "h", 9), (1, 4, 9, 9)], ids=["open", "direct"])
def test_weights_that_are_read_are_kept(dims: tuple[int | str, ...]) -> None:
    graph = convolution(*dims)
    (node,) = graph.nodes
    before = node.input("Filter").array()
    settings = Settings(conv_algorithm="direct" if isinstance(dims[2], int) else None)
    assert Executor(graph, settings, release=True).released_bytes == 0
    assert node.input("Filter").array() is before


def test_weights_that_two_convolutions_read_are_kept() -> None:
    b = TestGraphs()
    x, weight = b.input(1, 4, 9, 9), b.weight(4, 4, 3, 3)
    first = b.add(Conv2D(), Input=x, Filter=weight)
    graph = b.build(b.add(Conv2D(), Input=first, Filter=weight))
    assert Executor(graph, release=True).released_bytes == 0


def test_a_graph_keeps_its_weights_unless_they_are_to_be_let_go() -> None:
    graph = convolution(1, 4, 9, 9)
    (node,) = graph.nodes
    before = node.input("Filter").array()
    assert Executor(graph).released_bytes == 0
    assert node.input("Filter").array() is before


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_weights_are_made_ready_once_for_all_widths(stride: int) -> None:
    b = TestGraphs()
    x = b.graph.add_input("x", TensorType(DType.FLOAT32, (1, 40, 5, "width")))
    op = DepthwiseConv2D(groups=40, paddings=(1, 1, 1, 1), strides=(1, stride))
    weight = b.weight(40, 1, 3, 3)
    graph = b.build(b.add(op, Input=x, Filter=weight))
    executor = Executor(graph)
    prepared = set()
    for width in (3, 60, 150, 204, 205, 300, 411, 600):
        fed = {"x": np.random.default_rng(width).standard_normal((1, 40, 5, width), np.float32)}
        (y,) = executor.run(fed).values()
        expected = direct_conv2d(
            fed["x"], weight.array(), paddings=(1, 1, 1, 1), strides=(1, stride), groups=40
        )
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
        prepared.add(executor.prepared_bytes)
    assert len(prepared) == 1
