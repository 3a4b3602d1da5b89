from __future__ import annotations

import copy

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.api.layer_comparison import LayerComparison, LayerDifference, judged_values
from opt_tool.ir import Graph
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.reduction import Softmax

IMAGE = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)
CONVOLUTIONS = 4


def deep() -> Graph:
    """Convolutions and relus in a row, and a softmax."""
    b = TestGraphs()
    x = b.input(1, 3, 8, 8)
    for number in range(CONVOLUTIONS):
        conv = b.add(Conv2D(), f"conv{number}", Input=x, Filter=b.weight(3, 3, 1, 1))
        x = b.add(Relu(), X=conv)
    return b.build(b.add(Softmax(axis=1), "probabilities", X=x))


def damaged(graph: Graph, *positions: int) -> Graph:
    """The graph with one weight changed of some of its convolutions."""
    wrong = copy.deepcopy(graph)
    nodes = [node for node in wrong.nodes if "Filter" in node.inputs]
    for position in positions:
        weight = nodes[position].input("Filter")
        assert weight.data is not None
        weight.data = weight.data.copy()
        weight.data[0, 0] += 3
    return wrong


def layers(candidate: Graph, samples: int = 2) -> dict[str, LayerDifference]:
    comparison = LayerComparison(deep(), candidate)
    for sample in range(samples):
        feeds = {"x": IMAGE + sample}
        comparison.add(feeds, feeds, {})
    return {layer.candidate: layer for layer in comparison.results()}


def test_equal_graphs_differ_nowhere() -> None:
    for layer in layers(deep()).values():
        assert layer.difference.max_abs_error == 0
        assert layer.own is not None
        assert layer.own.max_abs_error == 0
        assert layer.weight is None
        assert layer.damage_db is None


@pytest.mark.parametrize("position", range(CONVOLUTIONS))
def test_an_error_is_that_of_the_layer_which_makes_it(position: int) -> None:
    found = layers(damaged(deep(), position))
    own = {name: layer.own.max_rel_error for name, layer in found.items() if layer.own is not None}
    assert [name for name, error in own.items() if error != 0] == [f"conv{position}"]
    order = list(found)
    off = [name for name in order if found[name].difference.max_abs_error != 0]
    assert off == order[order.index(f"conv{position}") :]


def test_two_errors_are_told_apart() -> None:
    found = layers(damaged(deep(), 0, 2))
    own = {name: layer.own.max_rel_error for name, layer in found.items() if layer.own is not None}
    assert [name for name, error in own.items() if error != 0] == ["conv0", "conv2"]


def test_the_damage_of_a_layer_alone_is_what_the_scores_lose() -> None:
    both = layers(damaged(deep(), 0, 3), samples=1)
    for position in (0, 3):
        alone = layers(damaged(deep(), position), samples=1)
        scores = list(alone.values())[-2]
        assert both[f"conv{position}"].damage_db == pytest.approx(scores.difference.sqnr_db)


def test_the_references_own_tensors_come_first() -> None:
    graph = deep()
    comparison = LayerComparison(graph, copy.deepcopy(graph))
    wrong = np.full((1, 3, 8, 8), 9, np.float32)
    comparison.add({"x": IMAGE}, {"x": IMAGE}, {"conv1": wrong, "conv2": wrong[:, :1]})
    found = {layer.candidate: layer.difference for layer in comparison.results()}
    assert found["conv1"].max_abs_error != 0
    assert found["conv2"].max_abs_error == 0  # a tensor of another shape is another one


def test_a_saturated_output_is_judged_by_what_it_saturates() -> None:
    graph = deep()
    assert judged_values(graph) == [graph.outputs[0].producer.input("X")]  # type: ignore[union-attr]  # a softmax makes it
