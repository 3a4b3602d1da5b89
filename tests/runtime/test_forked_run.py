from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, feeds
from opt_tool.ir import Graph
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.forked_run import Changes, ForkedRun, changed


@pytest.fixture
def graph() -> Graph:
    """Three convolutions, the last two with the same weight; the sum skips the second."""
    b = TestGraphs()
    shared = b.weight(4, 4, 3, 3)
    same = Conv2D(paddings=(1, 1, 1, 1))
    x = b.add(same, Input=b.input(1, 4, 12, 12), Filter=b.weight(4, 4, 3, 3))
    y = b.add(same, Input=b.add(Relu(), X=x), Filter=shared)
    z = b.add(same, Input=b.add(Relu(), X=y), Filter=shared)
    return b.build(b.add(ElementwiseAdd(), X=x, Y=z))


def other_weights(graph: Graph, *positions: int) -> Changes:
    nodes = [node for node in graph.nodes if isinstance(node.op, Conv2D)]
    rng = np.random.default_rng(1)
    return {
        node: {node.input("Filter"): rng.standard_normal((4, 4, 3, 3)).astype(np.float32)}
        for node in (nodes[position] for position in positions)
    }


def rebuilt(graph: Graph, changes: Changes) -> dict[str, np.ndarray]:
    """What a graph computes that has the changed constants."""
    for node, arrays in changes.items():
        ((value, array),) = arrays.items()
        made = graph.add_constant(f"{value.name}.{node.name}", array)
        graph.replace_inputs(node, {**node.inputs, "Filter": made})
    return Executor(graph).run(feeds(graph))


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_end_with_another_weight_is_a_run_with_it(graph: Graph, position: int) -> None:
    executor = Executor(graph)
    changes = other_weights(graph, position)
    run = ForkedRun(executor, feeds(graph), graph.outputs)
    run.advance(next(iter(changes)))
    found = run.end(changed(executor, changes))
    expected = rebuilt(graph, changes)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_run_can_end_often_and_go_on(graph: Graph) -> None:
    executor = Executor(graph)
    exact = executor.run(feeds(graph))
    run = ForkedRun(executor, feeds(graph), graph.outputs)
    for position in (0, 1, 2):
        changes = other_weights(graph, position)
        run.advance(next(iter(changes)))
        first, again = (run.end(changed(executor, changes)) for _ in range(2))
        same = run.end(changed(executor, {}))
        for name, array in exact.items():
            assert np.abs(first[name] - array).max() > 0.1
            np.testing.assert_array_equal(again[name], first[name])
            np.testing.assert_array_equal(same[name], array)


def test_several_weights_change_at_once_and_a_shared_one_for_one_reader(graph: Graph) -> None:
    executor = Executor(graph)
    changes = other_weights(graph, 0, 2)
    found = ForkedRun(executor, feeds(graph), graph.outputs).end(changed(executor, changes))
    for name, array in rebuilt(graph, changes).items():
        np.testing.assert_array_equal(found[name], array)


def test_what_was_passed_and_what_comes_is_handed_back(graph: Graph) -> None:
    executor = Executor(graph)
    wanted = [node.output for node in graph.nodes]
    names = [value.name for value in wanted]
    run = ForkedRun(executor, feeds(graph), wanted)
    run.advance(list(graph.nodes)[3])
    found = run.end(changed(executor, {}))
    for name, array in executor.run(feeds(graph), keep=names).items():
        np.testing.assert_array_equal(found[name], array)


def test_constants_are_as_before(graph: Graph) -> None:
    before = {value.name: value.array().copy() for value in graph.constants}
    changed(Executor(graph, Settings()), other_weights(graph, 0, 1, 2))
    for value in graph.constants:
        np.testing.assert_array_equal(value.array(), before[value.name])
