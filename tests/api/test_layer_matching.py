from __future__ import annotations

import copy

import numpy as np

from graphs import TestGraphs
from opt_tool.api.layer_matching import MatchedNodes, Matching, weight_difference
from opt_tool.ir import Graph, Quantization, Value
from opt_tool.ir.operations.activation import Relu, Sigmoid
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd


def chain(*, extra: bool = False) -> Graph:
    """Two convolutions with a relu and a sum; ``extra`` puts a sigmoid in."""
    b = TestGraphs()
    x = b.input(1, 4, 6, 6)
    first = b.add(Conv2D(), "first", Input=x, Filter=b.weight(4, 4, 1, 1, name="w1"))
    middle = b.add(Sigmoid(), X=first) if extra else first
    relu = b.add(Relu(), "relu", X=middle)
    second = b.add(Conv2D(), "second", Input=relu, Filter=b.weight(4, 4, 1, 1, name="w2"))
    return b.build(b.add(ElementwiseAdd(), "sum", X=second, Y=first))


def weight_of(graph: Graph, position: int) -> Value:
    return [node for node in graph.nodes if "Filter" in node.inputs][position].input("Filter")


def pairs(matching: Matching) -> list[tuple[str, str]]:
    return [(pair.reference.name, pair.candidate.name) for pair in matching.nodes]


def test_equal_graphs_match_whole() -> None:
    matching = Matching(chain(), chain())
    assert matching.complete
    assert [a for a, b in pairs(matching) if a == b] == ["first", "relu", "second", "sum"]


def test_what_one_graph_has_more_has_no_partner() -> None:
    candidate = chain(extra=True)
    matching = Matching(chain(), candidate)
    assert not matching.complete
    assert [a for a, b in pairs(matching) if a == b] == ["first", "relu", "second", "sum"]
    known = {node.name: matching.reads_known(node) for node in candidate.nodes}
    assert known.pop("relu") is False
    assert all(known.values())


def test_other_shapes_are_other_layers() -> None:
    b = TestGraphs()
    wide = b.add(Conv2D(), "first", Input=b.input(1, 4, 6, 6), Filter=b.weight(5, 4, 1, 1))
    assert pairs(Matching(chain(), b.build(wide))) == []


def test_counts_the_numbers_of_a_weight_that_differ() -> None:
    reference, candidate = chain(), chain()
    weight = weight_of(candidate, 1)
    assert weight.data is not None
    weight.data = weight.data.copy()
    weight.data[0, 1] += 2 * np.abs(weight.data).max()
    found = [weight_difference(pair) for pair in Matching(reference, candidate).nodes]
    assert [difference is None for difference in found] == [True, True, False, True]
    difference = found[2]
    assert difference is not None
    assert (difference.reference, difference.candidate) == ("w2", "w2")
    assert (difference.differing, difference.size, difference.bits) == (1, 16, None)
    assert difference.max_rel_error == 2.0


def quantized(graph: Graph) -> tuple[MatchedNodes, np.ndarray]:
    """The first convolution against itself in 8 bits, and the integers."""
    candidate = copy.deepcopy(graph)
    weight = weight_of(candidate, 0)
    assert weight.data is not None
    scales = np.abs(weight.data).max(axis=(1, 2, 3)) / 127
    integers = np.round(weight.data / scales.reshape(-1, 1, 1, 1)).astype(np.int8)
    weight.data, weight.quantization = integers, Quantization(8, scales, 0)
    return Matching(graph, candidate).nodes[0], integers


def test_rounded_integers_are_not_astray_and_others_are() -> None:
    pair, integers = quantized(chain())
    difference = weight_difference(pair)
    assert difference is not None
    assert (difference.bits, difference.astray) == (8, 0)
    smallest = np.unravel_index(np.abs(integers).argmin(), integers.shape)
    integers[smallest] += 5
    assert (difference := weight_difference(pair)) is not None
    assert difference.astray == 1


def test_integers_that_were_clipped_are_not_astray() -> None:
    graph = chain()
    pair, integers = quantized(graph)
    weight = weight_of(graph, 0)
    assert weight.data is not None
    weight.data = weight.data.copy()
    clipped = np.unravel_index(np.abs(integers).argmax(), integers.shape)
    weight.data[clipped] *= 1.5
    assert (difference := weight_difference(pair)) is not None
    assert difference.astray == 0
