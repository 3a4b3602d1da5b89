from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.fuse_transpose_fc import FuseTransposeFc


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def transposed(b: TestGraphs, *axis: int) -> Value:
    return b.add(Transpose2(axis=axis), X=b.add(Tanh(), X=b.input(2, 4, 5, 6)))


def fc(b: TestGraphs, x: Value, weight: Value, rows: int = 1) -> Value:
    return b.add(Fc(in_num_col_dims=rows), Input=x, W=weight, Bias=b.weight(3))


@pytest.mark.parametrize("axis", [(0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1, 3)], ids=str)
def test_moves_the_rows_of_the_weight(b: TestGraphs, axis: tuple[int, ...]) -> None:
    graph = b.build(fc(b, transposed(b, *axis), b.weight(120, 3)))
    assert_rewrites(FuseTransposeFc(), graph, 1)
    assert ops(graph) == [Tanh, Fc]


def test_moves_the_columns_behind_several_dimensions_of_rows(b: TestGraphs) -> None:
    graph = b.build(fc(b, transposed(b, 0, 1, 3, 2), b.weight(30, 3), rows=2))
    assert_rewrites(FuseTransposeFc(), graph, 1)
    assert ops(graph) == [Tanh, Fc]


def test_leaves_the_transpose_to_its_other_readers(b: TestGraphs) -> None:
    x = transposed(b, 0, 2, 3, 1)
    graph = b.build(x, fc(b, x, b.weight(120, 3)))
    assert_rewrites(FuseTransposeFc(), graph, 1)
    assert ops(graph).count(Transpose2) == 1


def test_keeps_a_transpose_of_the_rows(b: TestGraphs) -> None:
    graph = b.build(fc(b, transposed(b, 1, 0, 2, 3), b.weight(60, 3)))
    assert_rewrites(FuseTransposeFc(), graph, 0)


def test_keeps_a_shared_weight(b: TestGraphs) -> None:
    weight = b.weight(120, 3)
    graph = b.build(*(fc(b, transposed(b, 0, 2, 3, 1), weight) for _ in range(2)))
    assert_rewrites(FuseTransposeFc(), graph, 0)


def test_keeps_sizes_that_only_the_run_knows(b: TestGraphs) -> None:
    x = b.add(Transpose2(axis=(0, 2, 3, 1)), X=b.input(2, 4, "h", 3))
    assert_rewrites(FuseTransposeFc(), b.build(fc(b, x, b.weight(24, 3))), 0)
