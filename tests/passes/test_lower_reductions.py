from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim, Operation, Value
from opt_tool.ir.operations.elementwise import Exp
from opt_tool.ir.operations.reduction import (
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceProd,
    ReduceSum,
)
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.kernel_limits import limit_of
from opt_tool.passes.lower_reductions import LowerReductions
from opt_tool.targets import Target

ARM, X86 = Target.ARM, Target.X86


def positive(b: TestGraphs, *shape: Dim) -> Value:
    """Numbers whose sums, means and products are far from zero."""
    return b.add(Exp(), X=b.input(*shape))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("op_type", "axes", "shape", "blocks"),
    [
        (ReduceMean, (1, 2, 3), (2, 3, 4, 5), 1),
        (ReduceMean, (1, 3), (2, 3, 4, 5), 2),
        (ReduceSum, (0, 2), (2, 3, 4, 5), 2),
        (ReduceSum, (0, 2, 4), (2, 3, 4, 5, 2), 3),
        (ReduceMax, (1, 2), (2, 3, 4), 1),
        (ReduceMin, (-1, 1), (2, 3, 4), 1),
        (ReduceProd, (1,), (2, 3), 1),
        (ReduceMean, (1, 2, 3), ("n", 3, 4, 5), 1),
    ],
    ids=str,
)
def test_reduces_block_by_block_on_arm(
    op_type: type[ReduceSum], axes: tuple[int, ...], shape: tuple[Dim, ...], blocks: int, keep: bool
) -> None:
    b = TestGraphs()
    graph = b.build(b.add(op_type(dim=axes, keep_dim=keep), X=positive(b, *shape)))
    assert_rewrites(LowerReductions(ARM), graph, 1)
    assert ops(graph) == [Exp, *[Reshape2, op_type] * blocks, Reshape2]
    assert all(limit_of(node, ARM) is None for node in graph.nodes)


@pytest.mark.parametrize("keep", [True, False])
def test_reduces_everything_at_once(keep: bool) -> None:
    b = TestGraphs()
    op = ReduceSum(dim=(0, 1, 2), keep_dim=keep, reduce_all=True)
    graph = b.build(b.add(op, X=positive(b, 2, 3, 4)))
    assert_rewrites(LowerReductions(ARM), graph, 1)
    assert ops(graph) == [Exp, Reshape2, ReduceSum, Reshape2]


def test_lowers_what_has_more_dimensions_than_x86_knows() -> None:
    b = TestGraphs()
    graph = b.build(b.add(ReduceMean(dim=(2, 3)), X=positive(b, 2, 3, 4, 5, 2)))
    assert_rewrites(LowerReductions(X86), graph, 1)
    assert all(limit_of(node, X86) is None for node in graph.nodes)


@pytest.mark.parametrize(
    ("target", "op", "shape"),
    [
        (ARM, ReduceMean(dim=(2, 3)), (2, 3, 4, 5)),
        (ARM, ReduceMax(dim=(1,)), (2, 3, 4)),
        (X86, ReduceMean(dim=(1, 3)), (2, 3, 4, 5)),
        (X86, ReduceMean(dim=(1, 2, 3)), (2, 3, 4, 5)),
    ],
    ids=str,
)
def test_keeps_what_the_kernel_knows(target: Target, op: Operation, shape: tuple[int, ...]) -> None:
    b = TestGraphs()
    graph = b.build(b.add(op, X=positive(b, *shape)))
    assert_rewrites(LowerReductions(target), graph, 0)


def test_keeps_sizes_that_no_reshape_can_say() -> None:
    b = TestGraphs()
    graph = b.build(b.add(ReduceMean(dim=(1, 3)), X=positive(b, "n", "c", "h", "w")))
    assert_rewrites(LowerReductions(ARM), graph, 0)
