from __future__ import annotations

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.passes.remove_unused_nodes import RemoveUnusedNodes


def test_removes_chains_that_no_output_needs() -> None:
    b = TestGraphs()
    x = b.input(2, 3)
    b.add(Tanh(), X=b.add(Sigmoid(), X=x))
    graph = b.build(b.add(Relu(), X=x))
    assert_rewrites(RemoveUnusedNodes(), graph, 2)
    assert ops(graph) == [Relu]


def test_removes_constants_that_nobody_reads() -> None:
    b = TestGraphs()
    b.weight(2, name="left_over")
    graph = b.build(b.add(Relu(), X=b.input(2, 3)))
    assert_rewrites(RemoveUnusedNodes(), graph, 0)
    assert "left_over" not in graph.values


def test_keeps_inputs_that_nobody_reads_and_intermediates_that_are_outputs() -> None:
    b = TestGraphs()
    b.input(1, name="spare")
    hidden = b.add(Relu(), X=b.input(2, 3))
    b.add(Tanh(), X=hidden)
    graph = b.build(hidden)
    assert_rewrites(RemoveUnusedNodes(), graph, 1)
    assert [value.name for value in graph.inputs] == ["spare", "x"]
