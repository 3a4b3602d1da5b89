from __future__ import annotations

from typing import Any

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul, Scale
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.merge_parallel_convs import MergeParallelConvs


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.fixture
def x(b: TestGraphs) -> Value:
    return b.input(2, 4, 7, 6)


def conv(
    b: TestGraphs,
    x: Value,
    kernel: tuple[int, int] = (3, 3),
    paddings: tuple[int, int, int, int] = (1, 1, 1, 1),
    *,
    bias: bool = True,
    **attributes: Any,  # of the operation
) -> Value:
    op = Conv2D(paddings=paddings, **attributes)
    offset = b.weight(4) if bias else None
    return b.add(op, Input=x, Filter=b.weight(4, 4 // op.groups, *kernel), Bias=offset)


def total(b: TestGraphs, x: Value, y: Value) -> Value:
    return b.add(ElementwiseAdd(), X=x, Y=y)


def batch_norm(b: TestGraphs, x: Value) -> Value:
    return b.add(
        BatchNorm(),
        X=x,
        Scale=b.weight(4),
        Bias=b.weight(4),
        Mean=b.weight(4),
        Variance=b.positive(4),
    )


@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_adds_a_smaller_filter_to_a_larger_one(
    b: TestGraphs, x: Value, strides: tuple[int, int], groups: int, bias: bool, swap: bool
) -> None:
    large = conv(b, x, strides=strides, groups=groups, bias=bias)
    small = conv(b, x, (1, 1), (0, 0, 0, 0), strides=strides, groups=groups)
    summands = (small, large) if swap else (large, small)
    graph = b.build(b.add(Relu(), X=total(b, *summands)))
    assert_rewrites(MergeParallelConvs(), graph, 1)
    assert ops(graph) == [Conv2D, Relu]


def test_puts_a_filter_where_it_reads(b: TestGraphs, x: Value) -> None:
    wide = conv(b, x, (5, 3), (1, 3, 2, 0))
    narrow = conv(b, x, (2, 1), (0, 1, 0, 0))
    graph = b.build(total(b, wide, narrow))
    assert_rewrites(MergeParallelConvs(), graph, 1)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_takes_a_batch_norm_beside_it(b: TestGraphs, x: Value, groups: int) -> None:
    graph = b.build(total(b, conv(b, x, groups=groups), batch_norm(b, x)))
    assert_rewrites(MergeParallelConvs(), graph, 1)
    assert ops(graph) == [Conv2D]


@pytest.mark.parametrize("swap", [True, False])
def test_takes_a_shortcut(b: TestGraphs, x: Value, swap: bool) -> None:
    y = conv(b, x, groups=4)
    graph = b.build(total(b, x, y) if swap else total(b, y, x))
    assert_rewrites(MergeParallelConvs(), graph, 1)
    assert ops(graph) == [Conv2D]


def test_takes_one_factor_for_all(b: TestGraphs, x: Value) -> None:
    scaled = b.add(Scale(scale=0.5, bias=2.0), X=x)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x, bias=False), scaled)), 1)


def test_merges_all_branches_of_a_block(b: TestGraphs, x: Value) -> None:
    x = b.add(Relu(), X=x)
    branches = total(b, batch_norm(b, x), conv(b, x, (1, 1), (0, 0, 0, 0)))
    graph = b.build(b.add(Relu(), X=total(b, branches, conv(b, x))))
    assert_rewrites(MergeParallelConvs(), graph, 2)
    assert ops(graph) == [Relu, Conv2D, Relu]


@pytest.mark.parametrize("axis", ["row", "column"])
def test_keeps_filters_of_which_none_holds_the_other(b: TestGraphs, x: Value, axis: str) -> None:
    row, column = conv(b, x, (1, 3), (0, 0, 1, 1)), conv(b, x, (3, 1), (1, 1, 0, 0))
    summands = (row, column) if axis == "row" else (column, row)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, *summands)), 0)


@pytest.mark.parametrize("paddings", [(3, -1, 1, 1), (0, 2, 1, 1)], ids=["below", "above"])
def test_keeps_a_filter_that_reads_beside_the_larger_one(
    b: TestGraphs, x: Value, paddings: tuple[int, int, int, int]
) -> None:
    small = conv(b, x, (1, 1), (0, 0, 0, 0) if paddings[1] < 0 else (1, -1, 0, 0))
    graph = b.build(total(b, conv(b, x, (3, 3), paddings), small))
    assert_rewrites(MergeParallelConvs(), graph, 0)


def test_keeps_groups_that_differ(b: TestGraphs, x: Value) -> None:
    summands = conv(b, x), conv(b, x, groups=2)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, *summands)), 0)


def test_keeps_strides_that_differ(b: TestGraphs) -> None:
    x = b.input(2, 4, 3, 3)
    small = conv(b, x, (1, 1), (1, 1, 1, 1), strides=(2, 2))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x), small)), 0)


def test_keeps_taps_that_lie_apart(b: TestGraphs, x: Value) -> None:
    apart = conv(b, x, (2, 2), (1, 1, 1, 1), dilations=(2, 2))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x), apart)), 0)


def test_keeps_what_lies_between_taps(b: TestGraphs, x: Value) -> None:
    apart = conv(b, x, (3, 3), (2, 2, 2, 2), dilations=(2, 2))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, apart, x)), 0)


def test_a_single_tap_lies_nowhere_apart(b: TestGraphs, x: Value) -> None:
    single = conv(b, x, (1, 1), (0, 0, 0, 0), dilations=(2, 2))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x), single)), 1)


def test_keeps_an_activation_in_between(b: TestGraphs, x: Value) -> None:
    active = conv(b, x, activation=Relu())
    assert_rewrites(MergeParallelConvs(), b.build(total(b, active, x)), 0)


def test_keeps_sums_that_broadcast(b: TestGraphs, x: Value) -> None:
    one, all_ = conv(b, x, (7, 6), (0, 0, 0, 0)), conv(b, x, (1, 1), (0, 0, 0, 0))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, one, all_)), 0)


def test_keeps_convolutions_of_different_tensors(b: TestGraphs, x: Value) -> None:
    other = b.input(2, 4, 7, 6)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x), conv(b, other))), 0)


def test_keeps_a_batch_norm_of_another_tensor(b: TestGraphs, x: Value) -> None:
    other = batch_norm(b, b.input(2, 4, 7, 6))
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x), other)), 0)


@pytest.mark.parametrize("read", ["large", "small", "norm"])
def test_keeps_a_branch_that_something_else_reads(b: TestGraphs, x: Value, read: str) -> None:
    large, small = conv(b, x), conv(b, x, (1, 1), (0, 0, 0, 0))
    values = {"large": large, "small": small, "norm": batch_norm(b, x)}
    y = total(b, large, values["norm" if read == "norm" else "small"])
    graph = b.build(y, b.add(Relu(), X=values[read]))
    assert_rewrites(MergeParallelConvs(), graph, 0)


def test_keeps_a_shortcut_around_a_stride(b: TestGraphs) -> None:
    x = b.input(1, 4, 1, 1)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, conv(b, x, strides=(2, 2)), x)), 0)


def test_keeps_a_filter_that_is_computed(b: TestGraphs, x: Value) -> None:
    weight = b.add(ElementwiseMul(), X=b.input(4, 4, 3, 3), Y=b.weight(4, 1, 1, 1))
    y = b.add(Conv2D(paddings=(1, 1, 1, 1)), Input=x, Filter=weight)
    assert_rewrites(MergeParallelConvs(), b.build(total(b, y, x)), 0)
