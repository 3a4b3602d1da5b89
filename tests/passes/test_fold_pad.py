from __future__ import annotations

import math

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.passes.fold_pad import FoldPad

PADS = (0, 1, 2, 1)
LAYERS = [
    (Conv2D(strides=(2, 2)), (6, 4, 3, 3)),
    (Conv2D(paddings=(1, 1, 0, 2), dilations=(2, 1)), (6, 4, 3, 3)),
    (DepthwiseConv2D(groups=4), (8, 1, 3, 3)),
    (Conv2DTranspose(paddings=(2, 2, 4, 2), strides=(2, 2)), (4, 6, 5, 5)),
]


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def padded(b: TestGraphs, x: Value | None = None, **fields: object) -> Value:
    x = b.input(2, 4, 7, 6) if x is None else x
    return b.add(Pad2D(**{"paddings": PADS, **fields}), X=x)  # type: ignore[arg-type]


def pooled(b: TestGraphs, x: Value, **fields: object) -> Value:
    op = Pool2D(**{"ksize": (3, 3), "strides": (2, 2), **fields})  # type: ignore[arg-type]
    return b.add(op, X=x)


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=str)
def test_folds_zeros_into_convolutions(
    b: TestGraphs, layer: Operation, shape: tuple[int, ...]
) -> None:
    graph = b.build(b.add(layer, Input=padded(b), Filter=b.weight(*shape)))
    assert_rewrites(FoldPad(), graph, 1)
    assert ops(graph) == [type(layer)]


def test_keeps_the_four_sides_apart(b: TestGraphs) -> None:
    graph = b.build(b.add(Conv2D(), Input=padded(b), Filter=b.weight(6, 4, 3, 3)))
    FoldPad().run(graph)
    assert [node.op for node in graph.nodes] == [Conv2D(paddings=PADS)]


def test_folds_pads_of_pads(b: TestGraphs) -> None:
    x = padded(b, padded(b, pad_value=2.0), pad_value=2.0)
    graph = b.build(b.add(Tanh(), X=x))
    assert_rewrites(FoldPad(), graph, 1)
    assert ops(graph) == [Pad2D, Tanh]


def test_folds_into_every_layer_that_reads_the_pad(b: TestGraphs) -> None:
    x = padded(b, b.add(Relu(), X=b.input(2, 4, 7, 6)))
    y = b.add(Conv2D(), Input=x, Filter=b.weight(6, 4, 3, 3))
    graph = b.build(y, pooled(b, x))
    assert_rewrites(FoldPad(), graph, 1)
    assert ops(graph) == [Relu, Conv2D, Pool2D]


@pytest.mark.parametrize("value", [-math.inf, float(np.finfo(np.float32).min)], ids=str)
def test_folds_the_lowest_number_into_a_maximum(b: TestGraphs, value: float) -> None:
    graph = b.build(pooled(b, padded(b, pad_value=value)))
    assert_rewrites(FoldPad(), graph, 1)


@pytest.mark.parametrize("op", [Relu(), Relu6(), Sigmoid()], ids=repr)
def test_folds_zeros_around_what_is_never_negative_into_a_maximum(
    b: TestGraphs, op: Operation
) -> None:
    x = b.add(
        Concat(axis=1),
        X=[b.add(op, X=b.input(2, 2, 7, 6)), b.constant(np.ones((2, 2, 7, 6), np.float32))],
    )
    assert_rewrites(FoldPad(), b.build(pooled(b, padded(b, x))), 1)


@pytest.mark.parametrize("exclusive", [True, False])
def test_folds_zeros_into_a_mean_that_then_counts_them(b: TestGraphs, exclusive: bool) -> None:
    x = padded(b, paddings=(1, 1, 2, 2))
    graph = b.build(pooled(b, x, pooling_type="avg", exclusive=exclusive))
    assert_rewrites(FoldPad(), graph, 1)


def test_keeps_pads_of_two_widths_in_front_of_a_mean(b: TestGraphs) -> None:
    """The kernels count as many behind the input as in front of it."""
    x = padded(b, paddings=(0, 1, 0, 0))
    assert_rewrites(FoldPad(), b.build(pooled(b, x, pooling_type="avg")), 0)


@pytest.mark.parametrize(("size", "folds"), [(1, 1), (2, 0), (3, 1)])
def test_keeps_pads_around_less_than_a_window(b: TestGraphs, size: int, folds: int) -> None:
    """ARM's kernel takes 6 rows for a window of 5 that begins and ends in pads."""
    x = padded(b, b.input(2, 4, size, 6), paddings=(2, 2, 0, 0))
    pool = pooled(b, x, pooling_type="avg", ksize=(5, 2), strides=(1, 1))
    assert_rewrites(FoldPad(), b.build(pool), folds)


# ---- what stays


def test_keeps_zeros_around_what_may_be_negative(b: TestGraphs) -> None:
    x = b.add(Tanh(), X=b.input(2, 4, 7, 6))
    assert_rewrites(FoldPad(), b.build(pooled(b, padded(b, x))), 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"exclusive": True, "paddings": (1, 1, 1, 1)},
        {"ceil_mode": True},
        {"ksize": (2, 2)},
        {"global_pooling": True},
        {"adaptive": True},
    ],
    ids=str,
)
def test_keeps_pads_that_a_mean_counts_in_another_way(
    b: TestGraphs, fields: dict[str, object]
) -> None:
    graph = b.build(pooled(b, padded(b), pooling_type="avg", **fields))
    assert_rewrites(FoldPad(), graph, 0)


@pytest.mark.parametrize("value", [1.0, -math.inf], ids=str)
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=str)
def test_keeps_other_numbers_in_front_of_convolutions(
    b: TestGraphs, layer: Operation, shape: tuple[int, ...], value: float
) -> None:
    x = padded(b, pad_value=value)
    graph = b.build(b.add(layer, Input=x, Filter=b.weight(*shape)))
    assert FoldPad().run(graph).changes == 0


def test_keeps_a_pad_that_a_transposed_convolution_cannot_put_out(b: TestGraphs) -> None:
    op = Conv2DTranspose(paddings=(2, 1, 4, 2), strides=(2, 2))
    graph = b.build(b.add(op, Input=padded(b), Filter=b.weight(4, 6, 5, 5)))
    assert_rewrites(FoldPad(), graph, 0)


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_keeps_pads_of_repeated_elements(b: TestGraphs, mode: str) -> None:
    x = padded(b, mode=mode)
    assert_rewrites(FoldPad(), b.build(b.add(Conv2D(), Input=x, Filter=b.weight(6, 4, 3, 3))), 0)


def test_keeps_a_pad_that_something_else_reads(b: TestGraphs) -> None:
    x = padded(b)
    y = b.add(Conv2D(), Input=x, Filter=b.weight(6, 4, 3, 3))
    assert_rewrites(FoldPad(), b.build(y, b.add(Relu(), X=x)), 0)


def test_keeps_a_pad_that_is_an_output(b: TestGraphs) -> None:
    x = padded(b)
    y = b.add(Conv2D(), Input=x, Filter=b.weight(6, 4, 3, 3))
    assert_rewrites(FoldPad(), b.build(y, x), 0)


def test_keeps_a_padded_filter(b: TestGraphs) -> None:
    weight = padded(b, b.input(6, 4, 1, 1, name="filter"), paddings=(1, 1, 1, 1))
    graph = b.build(b.add(Conv2D(), Input=b.input(2, 4, 7, 6), Filter=weight))
    assert_rewrites(FoldPad(), graph, 0)


def test_keeps_a_pad_of_another_number_than_the_next(b: TestGraphs) -> None:
    graph = b.build(padded(b, padded(b, pad_value=1.0), pad_value=2.0))
    assert_rewrites(FoldPad(), graph, 0)
