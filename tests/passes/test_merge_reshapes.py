from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim, Operation
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.shape import (
    Flatten2,
    FlattenContiguousRange,
    Reshape2,
    Squeeze2,
    Unsqueeze2,
)
from opt_tool.passes.merge_reshapes import MergeReshapes


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.mark.parametrize(
    ("first", "second", "shape", "merged"),
    [
        (Squeeze2(axes=(3,)), Flatten2(), (2, 3, 4, 1), (2, 12)),
        (Unsqueeze2(axes=(0,)), Reshape2(shape=(4, 6)), (2, 12), (4, 6)),
        (Reshape2(shape=(0, -1)), Unsqueeze2(axes=(2,)), ("n", 3, 4), (0, 12, 1)),
        (FlattenContiguousRange(), Reshape2(shape=(-1, 6)), ("n", 3, 4), (-1, 6)),
        (Reshape2(shape=(3, -1)), Reshape2(shape=(-1, 3)), ("n", 3), (0, 3)),
    ],
    ids=str,
)
def test_merges_two_shape_changes(
    b: TestGraphs,
    first: Operation,
    second: Operation,
    shape: tuple[Dim, ...],
    merged: tuple[int, ...],
) -> None:
    graph = b.build(b.add(second, X=b.add(first, X=b.input(*shape))))
    assert_rewrites(MergeReshapes(), graph, 1)
    (node,) = graph.nodes
    assert isinstance(node.op, Reshape2)
    assert node.op.shape == merged


def test_merges_a_long_chain(b: TestGraphs) -> None:
    x = b.input(2, 12)
    for _ in range(4):
        x = b.add(Flatten2(), X=b.add(Reshape2(shape=(2, 3, 4)), X=x))
    graph = b.build(b.add(Relu(), X=x))
    assert_rewrites(MergeReshapes(), graph, 7)
    assert ops(graph) == [Reshape2, Relu]


def test_a_chain_to_a_scalar_is_a_squeeze(b: TestGraphs) -> None:
    h = b.add(Reshape2(shape=(1,)), X=b.input(1, 1, 1))
    graph = b.build(b.add(Squeeze2(axes=(0,)), X=h))
    assert_rewrites(MergeReshapes(), graph, 1)
    assert [node.op for node in graph.nodes] == [Squeeze2(axes=(0, 1, 2))]


def test_keeps_a_shape_change_that_something_else_reads(b: TestGraphs) -> None:
    h = b.add(Flatten2(), X=b.input(2, 3, 4))
    graph = b.build(b.add(Tanh(), X=h), b.add(Reshape2(shape=(4, 6)), X=h))
    assert_rewrites(MergeReshapes(), graph, 0)


def test_keeps_a_shape_change_that_is_an_output(b: TestGraphs) -> None:
    h = b.add(Flatten2(), X=b.input(2, 3, 4))
    assert_rewrites(MergeReshapes(), b.build(h, b.add(Reshape2(shape=(4, 6)), X=h)), 0)


def test_keeps_what_one_attribute_cannot_say(b: TestGraphs) -> None:
    h = b.add(Squeeze2(axes=(0,)), X=b.input(1, "n", "m"))
    graph = b.build(b.add(Unsqueeze2(axes=(2,)), X=h))
    assert_rewrites(MergeReshapes(), graph, 0)
