from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.shape import (
    Flatten2,
    FlattenContiguousRange,
    Reshape2,
    Squeeze2,
    Unsqueeze2,
)
from opt_tool.passes.fuse_flatten_fc import FuseFlattenFc


@pytest.mark.parametrize(
    ("op", "shape", "rows"),
    [
        (Flatten2(axis=1), (2, 3, 2, 2), 1),
        (FlattenContiguousRange(start_axis=1, stop_axis=3), (2, 3, 2, 2), 1),
        (Reshape2(shape=(-1, 12)), (2, 3, 2, 2), 1),
        (Squeeze2(axes=(2, 3)), (2, 12, 1, 1), 1),
        (FlattenContiguousRange(start_axis=2, stop_axis=3), (2, 3, 6, 2), 2),
        (Unsqueeze2(axes=(2,)), (2, 12), 1),
    ],
    ids=str,
)
def test_reads_what_the_flattening_reads(op: Operation, shape: tuple[int, ...], rows: int) -> None:
    b = TestGraphs()
    flat = b.add(op, X=b.input(*shape))
    graph = b.build(b.add(Fc(in_num_col_dims=rows), Input=flat, W=b.weight(12, 5)))
    assert_rewrites(FuseFlattenFc(), graph, 1)
    assert ops(graph) == [Fc]


def test_leaves_the_flattened_tensor_to_its_other_readers() -> None:
    b = TestGraphs()
    flat = b.add(Flatten2(), X=b.input(2, 3, 2, 2))
    graph = b.build(b.add(Fc(), Input=flat, W=b.weight(12, 5)), b.add(Relu(), X=flat))
    assert_rewrites(FuseFlattenFc(), graph, 1)
    assert sorted(op.__name__ for op in ops(graph)) == ["Fc", "Flatten2", "Relu"]


def test_goes_through_a_chain() -> None:
    b = TestGraphs()
    flat = b.add(Flatten2(), X=b.add(Squeeze2(axes=(3,)), X=b.input(2, 3, 4, 1)))
    graph = b.build(b.add(Fc(), Input=flat, W=b.weight(12, 5)))
    assert_rewrites(FuseFlattenFc(), graph, 2)
    assert ops(graph) == [Fc]


@pytest.mark.parametrize(
    ("op", "shape", "rows"),
    [
        (Reshape2(shape=(6, 4)), (2, 3, 4), 1),
        (Squeeze2(axes=(0,)), (1, 2, 4), 1),
        (Reshape2(shape=(2, 3, 4)), (2, 12), 2),
    ],
    ids=str,
)
def test_keeps_what_changes_the_rows(op: Operation, shape: tuple[int, ...], rows: int) -> None:
    b = TestGraphs()
    flat = b.add(op, X=b.input(*shape))
    graph = b.build(b.add(Fc(in_num_col_dims=rows), Input=flat, W=b.weight(4, 5)))
    assert_rewrites(FuseFlattenFc(), graph, 0)
