from __future__ import annotations

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.passes.fold_constants import FoldConstants


def test_folds_a_chain_of_constants_in_one_walk() -> None:
    b = TestGraphs()
    made = b.add(Tanh(), X=b.add(Sigmoid(), X=b.weight(2, 3)))
    graph = b.build(b.add(Relu(), X=made), b.add(Relu(), X=b.input(2, 3)))
    assert_rewrites(FoldConstants(), graph, 3)
    assert ops(graph) == [Relu]


def test_removes_the_constants_that_were_folded_away() -> None:
    b = TestGraphs()
    graph = b.build(b.add(Tanh(), "y", X=b.weight(2, 3)))
    assert_rewrites(FoldConstants(), graph, 1)
    assert list(graph.values) == ["y"]


def test_keeps_what_depends_on_an_input() -> None:
    b = TestGraphs()
    graph = b.build(b.add(Tanh(), X=b.input(2, 3)))
    assert_rewrites(FoldConstants(), graph, 0)
