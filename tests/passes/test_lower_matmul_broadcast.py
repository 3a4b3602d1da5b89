from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Shape
from opt_tool.ir.operations.data_movement import ExpandV2
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.kernel_limits import limit_of
from opt_tool.passes.lower_matmul_broadcast import LowerMatmulBroadcast
from opt_tool.targets import Target


def matmul(x: Shape, y: Shape, op: MatMulV2 | None = None) -> TestGraphs:
    b = TestGraphs()
    b.build(b.add(op or MatMulV2(), X=b.input(*x), Y=b.input(*y, name="y")))
    return b


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ((2, 3, 4), (1, 4, 5), [Reshape2, MatMulV2]),
        ((1, 3, 4), (2, 4, 5), [Reshape2, MatMulV2]),
        (("n", 2, 3, 4), (1, 1, 4, 5), [Reshape2, MatMulV2]),
        ((2, 3, 3, 4), (3, 4, 5), [ExpandV2, MatMulV2]),
        (("n", 4, 5), (2, "n", 5, 3), [ExpandV2, MatMulV2]),
        ((2, 1, 3, 4), (1, 2, 4, 5), [ExpandV2, ExpandV2, MatMulV2]),
        ((2, 1, 3, 4), (2, 3, 4, 5), [ExpandV2, MatMulV2]),
    ],
    ids=str,
)
def test_gives_both_sides_the_same_batches(
    x: Shape, y: Shape, expected: list[type[Operation]]
) -> None:
    graph = matmul(x, y).graph
    assert_rewrites(LowerMatmulBroadcast(), graph, 1)
    assert ops(graph) == expected
    assert all(limit_of(node, Target.ARM) is None for node in graph.nodes)


def test_keeps_transposed_operands_transposed() -> None:
    op = MatMulV2(trans_x=True, trans_y=True, alpha=0.5)
    graph = matmul((2, 4, 3), (1, 5, 4), op).graph
    assert_rewrites(LowerMatmulBroadcast(), graph, 1)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((2, 3, 4), (2, 4, 5)),
        ((1, 2, 3, 4), (2, 4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 3, 4), (4,)),
        (("n", 3, 4), ("n", 4, 5)),
    ],
    ids=str,
)
def test_keeps_what_the_kernels_multiply_as_it_is(x: Shape, y: Shape) -> None:
    assert_rewrites(LowerMatmulBroadcast(), matmul(x, y).graph, 0)


def test_keeps_batches_that_only_the_run_knows() -> None:
    graph = matmul(("n", 3, 4, 2), ("m", 3, 2, 5)).graph
    assert LowerMatmulBroadcast().run(graph).kept
