from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation
from opt_tool.ir.operations.matmul import Fc, MatMul, MatMulV2, Mul
from opt_tool.passes.lower_matmul_to_fc import LowerMatmulToFc


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.mark.parametrize(
    ("op", "x", "y", "rows"),
    [
        (MatMulV2(), (3, 4), (4, 5), 1),
        (MatMulV2(), (2, 3, 4), (4, 5), 2),
        (MatMulV2(), (2, 2, 3, 4), (4, 5), 3),
        (MatMulV2(trans_y=True), (3, 4), (5, 4), 1),
        (MatMulV2(alpha=0.5), (3, 4), (4, 5), 1),
        (MatMul(transpose_Y=True, alpha=2.0), (3, 4), (5, 4), 1),
        (Mul(x_num_col_dims=1), (3, 2, 2), (4, 5), 1),
        (Mul(x_num_col_dims=2), (3, 2, 4), (4, 5), 2),
    ],
    ids=str,
)
def test_writes_products_with_constants_as_fc(
    b: TestGraphs, op: Operation, x: tuple[int, ...], y: tuple[int, ...], rows: int
) -> None:
    graph = b.build(b.add(op, X=b.input(*x), Y=b.weight(*y)))
    assert_rewrites(LowerMatmulToFc(), graph, 1)
    assert [node.op for node in graph.nodes] == [Fc(in_num_col_dims=rows)]


def test_takes_the_constant_as_it_is_where_it_can(b: TestGraphs) -> None:
    weight = b.weight(4, 5)
    graph = b.build(b.add(MatMulV2(), X=b.input(3, 4), Y=weight))
    assert_rewrites(LowerMatmulToFc(), graph, 1)
    assert graph.constants == (weight,)


def test_transposes_the_constant_in_memory_too(b: TestGraphs) -> None:
    graph = b.build(b.add(MatMulV2(trans_y=True), X=b.input(3, 4), Y=b.weight(5, 4)))
    LowerMatmulToFc().run(graph)
    (weight,) = graph.constants
    assert weight.shape == (4, 5)
    assert weight.array().flags.c_contiguous
    assert weight.dtype.numpy == np.float32


@pytest.mark.parametrize(
    ("op", "x", "y"),
    [
        (MatMulV2(trans_x=True), (4, 3), (4, 5)),
        (MatMulV2(), (4,), (4, 5)),
        (MatMulV2(), (2, 3, 4), (2, 4, 5)),
        (MatMulV2(), (3, 4), (4,)),
    ],
    ids=str,
)
def test_keeps_products_of_other_shapes(
    b: TestGraphs, op: Operation, x: tuple[int, ...], y: tuple[int, ...]
) -> None:
    graph = b.build(b.add(op, X=b.input(*x), Y=b.weight(*y)))
    assert_rewrites(LowerMatmulToFc(), graph, 0)


def test_keeps_products_of_two_computed_values(b: TestGraphs) -> None:
    graph = b.build(b.add(MatMulV2(), X=b.input(3, 4), Y=b.input(4, 5, name="y")))
    assert_rewrites(LowerMatmulToFc(), graph, 0)
    assert ops(graph) == [MatMulV2]
