from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.fuse_fc_affine import FuseFcAffine


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def fc(b: TestGraphs, *, bias: bool = True, rank: int = 2, activation: Relu | None = None) -> Value:
    x = b.input(*(2, 3, 4)[-rank:])
    op = Fc(in_num_col_dims=rank - 1, activation=activation)
    return b.add(op, Input=x, W=b.weight(4, 5), Bias=b.weight(5) if bias else None)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "op", [ElementwiseAdd(), ElementwiseSub(), ElementwiseMul(), ElementwiseDiv()], ids=repr
)
def test_folds_arithmetic_with_a_row(b: TestGraphs, op: Operation, bias: bool, rank: int) -> None:
    graph = b.build(b.add(op, X=fc(b, bias=bias, rank=rank), Y=b.positive(5)))
    assert_rewrites(FuseFcAffine(), graph, 1)
    assert ops(graph) == [Fc]


def test_folds_a_batch_norm_of_rows(b: TestGraphs) -> None:
    parameters = {slot: b.weight(5) for slot in ("Scale", "Bias", "Mean")}
    graph = b.build(b.add(BatchNorm(), X=fc(b), **parameters, Variance=b.positive(5)))
    assert_rewrites(FuseFcAffine(), graph, 1)
    assert ops(graph) == [Fc]


def batch_norm(b: TestGraphs, x: Value) -> Value:
    parameters = {slot: b.weight(5) for slot in ("Scale", "Bias", "Mean")}
    return b.add(BatchNorm(), X=x, **parameters, Variance=b.positive(5))


def test_folds_a_batch_norm_of_rows_behind_a_reshape(b: TestGraphs) -> None:
    rows = b.add(Reshape2(shape=(6, 5)), "rows", X=fc(b, rank=3))
    graph = b.build(b.add(Reshape2(shape=(2, 3, 5)), X=batch_norm(b, rows)))
    assert_rewrites(FuseFcAffine(), graph, 1)
    assert ops(graph) == [Fc, Reshape2, Reshape2]
    made, *_ = graph.nodes
    assert made.output.name.endswith(".scaled")  # it is not the source's tensor any more


def test_keeps_a_reshape_that_moves_columns(b: TestGraphs) -> None:
    x = b.add(Fc(in_num_col_dims=2), Input=b.input(2, 5, 4), W=b.weight(4, 10))
    rows = b.add(Reshape2(shape=(20, 5)), X=x)
    assert_rewrites(FuseFcAffine(), b.build(batch_norm(b, rows)), 0)


@pytest.mark.parametrize("read", ["fc", "rows"])
def test_keeps_a_reshape_when_something_else_reads_along(b: TestGraphs, read: str) -> None:
    x = fc(b, rank=3)
    rows = b.add(Reshape2(shape=(6, 5)), X=x)
    other = b.add(Relu(), X=x if read == "fc" else rows)
    assert_rewrites(FuseFcAffine(), b.build(batch_norm(b, rows), other), 0)


def test_keeps_a_batch_norm_of_another_axis_than_the_columns(b: TestGraphs) -> None:
    parameters = {slot: b.weight(3) for slot in ("Scale", "Bias", "Mean")}
    y = fc(b, rank=3)
    graph = b.build(b.add(BatchNorm(), X=y, **parameters, Variance=b.positive(3)))
    assert_rewrites(FuseFcAffine(), graph, 0)


def test_folds_a_chain(b: TestGraphs) -> None:
    y = b.add(ElementwiseMul(), X=b.positive(1, 5), Y=fc(b))
    graph = b.build(
        b.add(Scale(scale=2.0, bias=1.0), X=b.add(ElementwiseAdd(), X=y, Y=b.weight(5)))
    )
    assert_rewrites(FuseFcAffine(), graph, 3)


def test_adds_to_a_weight_that_is_shared_and_does_not_scale_it(b: TestGraphs) -> None:
    weight, x = b.weight(4, 5), b.input(3, 4)
    first, second = (b.add(Fc(), Input=x, W=weight) for _ in range(2))
    graph = b.build(
        b.add(ElementwiseAdd(), X=first, Y=b.weight(5)),
        b.add(ElementwiseMul(), X=second, Y=b.weight(5)),
    )
    assert_rewrites(FuseFcAffine(), graph, 1)
    assert ops(graph) == [Fc, Fc, ElementwiseMul]


@pytest.mark.parametrize("shape", [(3, 1), (3, 5), (2, 3, 5)], ids=str)
def test_keeps_constants_that_differ_by_row(b: TestGraphs, shape: tuple[int, ...]) -> None:
    assert_rewrites(
        FuseFcAffine(), b.build(b.add(ElementwiseAdd(), X=fc(b), Y=b.weight(*shape))), 0
    )


def test_keeps_fc_that_is_an_output(b: TestGraphs) -> None:
    y = fc(b)
    assert_rewrites(FuseFcAffine(), b.build(y, b.add(Scale(scale=2.0), X=y)), 0)


def test_keeps_what_follows_an_activation(b: TestGraphs) -> None:
    y = fc(b, activation=Relu())
    assert_rewrites(FuseFcAffine(), b.build(b.add(ElementwiseAdd(), X=y, Y=b.weight(5))), 0)


def test_keeps_arithmetic_on_scalars(b: TestGraphs) -> None:
    graph = b.build(b.add(ElementwiseMul(), X=b.input(), Y=b.positive()))
    assert_rewrites(FuseFcAffine(), graph, 0)
