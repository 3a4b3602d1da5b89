from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.cancel_transposes import CancelTransposes


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def test_removes_an_inverse_pair(b: TestGraphs) -> None:
    h = b.add(Transpose2(axis=(0, 2, 3, 1)), X=b.add(Tanh(), X=b.input(2, 3, 4, 5)))
    graph = b.build(b.add(Relu(), X=b.add(Transpose2(axis=(0, 3, 1, 2)), X=h)))
    assert_rewrites(CancelTransposes(), graph, 1)
    assert ops(graph) == [Tanh, Relu]


def test_composes_transposes(b: TestGraphs) -> None:
    h = b.add(Transpose2(axis=(2, 0, 1)), X=b.input(2, 3, 4))
    graph = b.build(b.add(Transpose2(axis=(0, 2, 1)), X=h))
    assert_rewrites(CancelTransposes(), graph, 1)
    assert [node.op for node in graph.nodes] == [Transpose2(axis=(2, 1, 0))]


def test_goes_through_a_long_chain(b: TestGraphs) -> None:
    x = b.add(Tanh(), X=b.input(2, 3, 4))
    for _ in range(6):
        x = b.add(Transpose2(axis=(1, 2, 0)), X=x)
    graph = b.build(b.add(Relu(), X=x))
    assert_rewrites(CancelTransposes(), graph, 4)
    assert ops(graph) == [Tanh, Relu]


@pytest.mark.parametrize(
    ("axis", "shape", "reshape"),
    [
        ((0, 2, 3, 1), (2, 1, 4, 5), (2, 4, 5, 1)),
        ((0, 3, 1, 2), (2, 1, 1, 5), (2, 5, 1, 1)),
        ((0, 2, 1), ("n", 1, 5), (0, 5, 1)),
        ((1, 0, 2), (1, "n", 5), (-1, 1, 5)),
    ],
    ids=str,
)
def test_makes_a_reshape_of_one_that_moves_only_ones(
    b: TestGraphs, axis: tuple[int, ...], shape: tuple[Dim, ...], reshape: tuple[int, ...]
) -> None:
    graph = b.build(b.add(Transpose2(axis=axis), X=b.input(*shape)))
    assert_rewrites(CancelTransposes(), graph, 1)
    assert [node.op for node in graph.nodes] == [Reshape2(shape=reshape)]


def test_an_inverse_leaves_the_first_to_its_other_readers(b: TestGraphs) -> None:
    h = b.add(Transpose2(axis=(1, 0)), X=b.add(Tanh(), X=b.input(2, 3)))
    graph = b.build(b.add(Relu(), X=h), b.add(Relu(), X=b.add(Transpose2(axis=(1, 0)), X=h)))
    assert_rewrites(CancelTransposes(), graph, 1)
    assert ops(graph).count(Transpose2) == 1


def test_keeps_a_pair_that_does_not_cancel_and_is_read_between(b: TestGraphs) -> None:
    h = b.add(Transpose2(axis=(1, 2, 0)), X=b.input(2, 3, 4))
    graph = b.build(h, b.add(Transpose2(axis=(0, 2, 1)), X=h))
    assert_rewrites(CancelTransposes(), graph, 0)


def test_keeps_a_transpose_that_moves_elements(b: TestGraphs) -> None:
    graph = b.build(b.add(Transpose2(axis=(0, 2, 1)), X=b.input(1, 3, 4)))
    assert_rewrites(CancelTransposes(), graph, 0)


def test_keeps_a_pair_between_an_input_and_an_output(b: TestGraphs) -> None:
    h = b.add(Transpose2(axis=(1, 0)), X=b.input(2, 3))
    assert_rewrites(CancelTransposes(), b.build(b.add(Transpose2(axis=(1, 0)), X=h)), 0)
