from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, feeds, run
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.passes.plan_memory import plan_variable_names, planned_bytes
from opt_tool.runtime.binding import Settings, run_node


def run_with_variables(graph: Graph, names: dict[Value, str]) -> dict[str, np.ndarray]:
    """Run a graph as the file would: by variable name, outputs over old contents."""
    fed = feeds(graph)
    variables: dict[str, np.ndarray] = {names[x]: fed[x.name] for x in graph.inputs}
    for node in graph.nodes:
        inputs = node.inputs.map(lambda x: x.array() if x.is_constant else variables[names[x]])
        for value, array in zip(
            node.outputs.flat(), run_node(node, inputs, Settings()), strict=True
        ):
            variables[names[value]] = array
    return {value.name: variables[names[value]] for value in graph.outputs}


def chain(length: int) -> Graph:
    b = TestGraphs()
    x = b.input(2, 8)
    for index in range(length):
        x = b.add(Tanh() if index % 2 else Sigmoid(), X=x)
    return b.build(x)


def diamond() -> Graph:
    """Convolutions that the two sides of a fork and several outputs keep alive."""
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(1, 4, 8, 8))
    left = x
    for _ in range(3):
        left = b.add(Conv2D(paddings=(1, 1, 1, 1)), Input=left, Filter=b.weight(4, 4, 3, 3))
    right = b.add(Conv2D(strides=(2, 2)), Input=x, Filter=b.weight(2, 4, 3, 3))
    return b.build(b.add(Tanh(), X=left), right, b.add(Sigmoid(), X=b.add(Relu(), X=right)))


def test_a_chain_needs_two_variables_beside_its_ends() -> None:
    names = plan_variable_names(chain(10))
    assert len(set(names.values())) == 4


@pytest.mark.parametrize("graph", [chain(7), diamond()], ids=["chain", "diamond"])
def test_a_run_by_variable_names_gives_the_same_numbers(graph: Graph) -> None:
    names = plan_variable_names(graph)
    assert len(set(names.values())) < len(names)
    expected = run(graph)
    for name, array in run_with_variables(graph, names).items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("graph", [chain(7), diamond()], ids=["chain", "diamond"])
def test_no_output_shares_with_an_input_of_its_node(graph: Graph) -> None:
    names = plan_variable_names(graph)
    for node in graph.nodes:
        read = {names[x] for x in node.inputs.flat() if not x.is_constant}
        assert read.isdisjoint(names[y] for y in node.outputs.flat())


def test_inputs_and_outputs_keep_their_names_for_themselves() -> None:
    graph = diamond()
    names = plan_variable_names(graph)
    for value in (*graph.inputs, *graph.outputs):
        assert names[value] == value.name
        assert list(names.values()).count(value.name) == 1


def test_large_values_share_with_large_ones() -> None:
    b = TestGraphs()
    x = b.input(1, 1, 16, 16)
    wide = b.add(Conv2D(paddings=(1, 1, 1, 1)), "wide", Input=x, Filter=b.weight(32, 1, 3, 3))
    small = b.add(Conv2D(), "small", Input=wide, Filter=b.weight(1, 32, 1, 1))
    tall = b.add(Conv2D(), "tall", Input=small, Filter=b.weight(32, 1, 1, 1))
    last = b.add(Conv2D(), "last", Input=tall, Filter=b.weight(1, 32, 1, 1))
    graph = b.build(b.add(Relu(), "y", X=last))
    names = plan_variable_names(graph)
    assert names[wide] == names[tall] != names[small]
    assert planned_bytes(names) == 4 * 256 * (1 + 32 + 1 + 1)
