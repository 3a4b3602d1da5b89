from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, assert_rewrites, feeds, ops, run
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Concat, Transpose2
from opt_tool.ir.operations.matmul import MatMul
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.multiply_heads import MultiplyHeads
from opt_tool.targets import LiteVersion

LAST = (0, 2, 3, 1)
Shape = tuple[int | str, ...]


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def conv(
    b: TestGraphs,
    op: Conv2D | None = None,
    *,
    shape: Shape = (1, 4, 5, 6),
    kernel: int = 1,
    bias: bool = True,
) -> Value:
    op = Conv2D() if op is None else op
    return b.add(
        op,
        Input=b.input(*shape),
        Filter=b.weight(8, 4 // op.groups, kernel, kernel),
        Bias=b.weight(8) if bias else None,
    )


def last(b: TestGraphs, x: Value, axis: tuple[int, ...] = LAST) -> Value:
    return b.add(Transpose2(axis=axis), X=x)


def test_multiplies_with_the_bias_as_one_row_more(b: TestGraphs) -> None:
    graph = b.build(last(b, conv(b)))
    (name,) = (value.name for value in graph.outputs)
    assert_rewrites(MultiplyHeads(), graph, 1)
    assert ops(graph) == [Reshape2, Concat, MatMul, Reshape2]
    assert [value.name for value in graph.outputs] == [name]


def test_multiplies_alone_where_there_is_no_bias(b: TestGraphs) -> None:
    graph = b.build(b.add(Tanh(), X=last(b, conv(b, bias=False))))
    assert_rewrites(MultiplyHeads(), graph, 1)
    assert ops(graph) == [Reshape2, MatMul, Reshape2, Tanh]


@pytest.mark.parametrize(
    "op",
    [
        Conv2D(strides=(2, 2)),
        Conv2D(paddings=(1, 1, 0, 0)),
        Conv2D(groups=2),
        Conv2D(activation=Relu()),
        DepthwiseConv2D(groups=4),
    ],
    ids=repr,
)
def test_keeps_convolutions_that_do_more(b: TestGraphs, op: Conv2D) -> None:
    assert_rewrites(MultiplyHeads(), b.build(last(b, conv(b, op))), 0)


def test_keeps_larger_filters(b: TestGraphs) -> None:
    assert_rewrites(MultiplyHeads(), b.build(last(b, conv(b, kernel=3))), 0)


@pytest.mark.parametrize("shape", [(2, 4, 5, 6), ("n", 4, 5, 6), (1, 4, "h", 6)], ids=str)
def test_keeps_several_pictures_and_open_sizes(b: TestGraphs, shape: Shape) -> None:
    assert_rewrites(MultiplyHeads(), b.build(last(b, conv(b, shape=shape))), 0)


def test_keeps_large_planes(b: TestGraphs) -> None:
    assert_rewrites(MultiplyHeads(), b.build(last(b, conv(b, shape=(1, 4, 25, 41)))), 0)


def test_keeps_other_orders(b: TestGraphs) -> None:
    assert_rewrites(MultiplyHeads(), b.build(last(b, conv(b), (0, 3, 2, 1))), 0)


def test_keeps_a_convolution_that_something_else_reads(b: TestGraphs) -> None:
    x = conv(b)
    assert_rewrites(MultiplyHeads(), b.build(last(b, x), b.add(Tanh(), X=x)), 0)


def test_keeps_a_convolution_that_is_an_output(b: TestGraphs) -> None:
    x = conv(b)
    assert_rewrites(MultiplyHeads(), b.build(last(b, x), x), 0)


def test_keeps_a_filter_that_is_computed(b: TestGraphs) -> None:
    weight = b.add(Tanh(), X=b.input(8, 4, 1, 1, name="w"))
    x = b.add(Conv2D(), Input=b.input(1, 4, 5, 6), Filter=weight)
    assert_rewrites(MultiplyHeads(), b.build(last(b, x)), 0)


def test_keeps_a_filter_that_is_stored_as_integers(b: TestGraphs) -> None:
    integers = np.random.default_rng(0).integers(-127, 128, (8, 4, 1, 1)).astype(np.float32)
    integers[:, 0] = 127
    weight = b.constant(integers / 64, "w")
    x = b.add(Conv2D(), Input=b.input(1, 4, 5, 6), Filter=weight)
    assert_rewrites(MultiplyHeads(), b.build(last(b, x)), 0)


@pytest.mark.official
def test_the_official_runtime_computes_it(b: TestGraphs, tmp_path: Path) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    graph = b.build(b.add(Reshape2(shape=(1, -1, 4)), X=last(b, conv(b))))
    (expected,) = run(graph).values()
    fed = feeds(graph)
    lower(graph, "x86", "2.13")
    assert MatMul in ops(graph)
    paddle_lite.write(graph, tmp_path / "model.nb", version=LiteVersion.V2_13)
    ((actual,),) = official_runtime.run(tmp_path / "model.nb", [list(fed.values())])
    np.testing.assert_allclose(actual, expected, atol=1e-5)
