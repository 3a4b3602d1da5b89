"""Planes of one row or column, whose strides say nothing, as convolutions leave them."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import Graph, Operation, Value
from opt_tool.ir.operations import activation as act
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.elementwise import Clip, ElementwiseAdd, ElementwiseMul, Scale
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.runtime.binding import Settings, run_node
from opt_tool.runtime.executor import Executor

ELEMENTWISE: tuple[Operation, ...] = (
    act.Relu(),
    act.Relu6(),
    act.LeakyRelu(alpha=0.1),
    act.HardSwish(),
    act.Swish(),
    act.Sigmoid(),
    Clip(min=-0.5, max=0.7),
    Scale(scale=1.5, bias=0.3),
)

Step = Callable[[random.Random, TestGraphs, Value], Value]


def activated(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    return b.add(rng.choice(ELEMENTWISE), X=x)


def bent(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    mode, count = rng.choice([("channel", x.type.static_shape[1]), ("all", 1)])
    return b.add(act.PRelu(mode=mode), X=x, Alpha=b.weight(count))


def by_channel(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    op = rng.choice([ElementwiseAdd(axis=1), ElementwiseMul(axis=1)])
    return b.add(op, X=x, Y=b.weight(x.type.static_shape[1]))


def gated(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    op = rng.choice([ElementwiseAdd(), ElementwiseMul()])
    return b.add(op, X=x, Y=b.add(act.Sigmoid(), X=x))


def convolved(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    _, channels, height, width = x.type.static_shape
    kernel = min(rng.randint(1, 3), height), min(rng.randint(1, 3), width)
    stride, outputs = rng.randint(1, 3), rng.choice([1, 3, 8])
    op = Conv2D(strides=(stride, stride))
    return b.add(op, Input=x, Filter=b.weight(outputs, channels, *kernel), Bias=b.weight(outputs))


def depthwise(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    _, channels, height, width = x.type.static_shape
    stride = rng.randint(1, 2)
    op = DepthwiseConv2D(groups=channels, strides=(stride, stride))
    return b.add(op, Input=x, Filter=b.weight(channels, 1, min(2, height), min(2, width)))


def pooled(rng: random.Random, b: TestGraphs, x: Value) -> Value:
    _, _, height, width = x.type.static_shape
    kind = rng.choice(["max", "avg"])
    return b.add(Pool2D(pooling_type=kind, ksize=(min(2, height), min(2, width))), X=x)


STEPS: tuple[Step, ...] = (activated, bent, by_channel, gated, convolved, depthwise, pooled)


def chain(seed: int) -> Graph:
    rng, b = random.Random(seed), TestGraphs()
    sizes = (1, 2), (1, 3, 8), (1, 1, 2, 3, 7), (1, 2, 4, 9)
    x = b.input(*(rng.choice(size) for size in sizes))
    for _ in range(rng.randint(2, 5)):
        x = rng.choice(STEPS)(rng, b, x)
    return b.build(x)


def alone(graph: Graph, x: np.ndarray) -> np.ndarray:
    """What the nodes make one by one, each of arrays in the plain order."""
    values = {graph.inputs[0]: x}
    for node in graph.nodes:
        arrays = node.inputs.map(
            lambda value: value.array() if value.is_constant else values[value]
        )
        (made,) = run_node(node, arrays, Settings())
        values[node.output] = np.ascontiguousarray(made)
    return values[graph.outputs[0]]


@pytest.mark.parametrize("seed", range(300))
def test_a_chain_computes_what_its_nodes_compute_alone(seed: int) -> None:
    graph = chain(seed)
    shape = graph.inputs[0].type.static_shape
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    expected = alone(graph, x)
    executor = Executor(graph)
    for _ in range(2):  # as found, and as captured
        (found,) = executor.run({graph.inputs[0].name: x}).values()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
