from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.elementwise import ElementwiseMul, Scale
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.passes.fuse_matmul_operands import FuseMatmulOperands
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

TURN = Transpose2(axis=(0, 1, 3, 2))


def attention(rows: int = 5, places: int = 4) -> Graph:
    """(q * 0.5) @ (k.T * 0.25)"""
    b = TestGraphs()
    q, k = b.input(1, 2, rows, 3), b.input(1, 2, places, 3)
    scaled = b.add(ElementwiseMul(), X=q, Y=b.constant(np.array([0.5], np.float32)))
    turned = b.add(Scale(scale=0.25), X=b.add(TURN, X=k))
    return b.build(b.add(MatMulV2(), X=scaled, Y=turned))


def test_attention_is_one_product() -> None:
    graph = attention()
    assert_rewrites(FuseMatmulOperands(), graph, 3)
    (node,) = graph.nodes
    assert node.op == MatMulV2(trans_y=True, alpha=0.125)


def test_a_transpose_of_what_is_transposed_already_is_none() -> None:
    b = TestGraphs()
    x = b.add(TURN, X=b.input(2, 3, 4, 5))
    graph = b.build(b.add(MatMulV2(trans_x=True), X=x, Y=b.input(2, 3, 5, 6)))
    assert_rewrites(FuseMatmulOperands(), graph, 1)
    assert [node.op for node in graph.nodes] == [MatMulV2()]


@pytest.mark.parametrize(("rows", "places"), [(1, 4), (5, 1)])
def test_scales_of_a_single_row_or_column_stay(rows: int, places: int) -> None:
    graph = attention(rows, places)
    FuseMatmulOperands().run(graph)
    assert {ElementwiseMul, Scale} <= set(ops(graph))


def test_keeps_what_something_else_reads_too() -> None:
    b = TestGraphs()
    x = b.add(TURN, X=b.input(2, 3, 4, 5))
    graph = b.build(b.add(MatMulV2(), X=x, Y=b.input(2, 3, 4, 6)), b.add(Relu(), X=x))
    assert_rewrites(FuseMatmulOperands(), graph, 0)


@pytest.mark.parametrize(
    "change",
    [Transpose2(axis=(1, 0, 2, 3)), Scale(scale=2.0, bias=1.0)],
    ids=["another order", "a shift"],
)
def test_keeps_other_changes(change: Transpose2 | Scale) -> None:
    b = TestGraphs()
    x = b.add(change, X=b.input(3, 3, 4, 5))
    graph = b.build(b.add(MatMulV2(), X=x, Y=b.input(3, 3, 5, 6)))
    assert_rewrites(FuseMatmulOperands(), graph, 0)


def test_keeps_factors_for_each_column_and_what_broadcasts() -> None:
    b = TestGraphs()
    columns = b.add(ElementwiseMul(), X=b.input(4, 5), Y=b.constant(np.ones(5, np.float32)))
    wider = b.add(ElementwiseMul(), X=b.input(5), Y=b.constant(np.full((5, 1), 2, np.float32)))
    graph = b.build(b.add(MatMulV2(), X=columns, Y=wider))
    assert_rewrites(FuseMatmulOperands(), graph, 0)


@pytest.mark.official
def test_the_official_runtime_multiplies_by_alpha(tmp_path: Path) -> None:
    graph = attention()
    rng = np.random.default_rng(0)
    feeds = {v.name: rng.standard_normal(v.type.static_shape, np.float32) for v in graph.inputs}
    (expected,) = Executor(graph).run(feeds).values()
    lower(graph, "x86", "2.13")
    paddle_lite.write(graph, tmp_path / "product.nb", version=LiteVersion.parse("2.13"))
    ((y,),) = official_runtime.run(tmp_path / "product.nb", [list(feeds.values())])
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
