from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim, Operation, Value
from opt_tool.ir.operations.activation import PRelu, Relu
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.split_padded_sum import SplitPaddedSum


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def widened(
    b: TestGraphs, pads: tuple[int, int] = (0, 3), batch: Dim = 2, value: float = 0.0
) -> Value:
    """Three channels with zeros behind them, as readers write it."""
    x = b.add(Reshape2(shape=(1, -1, 3, 30)), X=b.input(batch, 3, 5, 6, name="z"))
    x = b.add(Pad2D(paddings=(*pads, 0, 0), pad_value=value), X=x)
    return b.add(Reshape2(shape=(-1, 3 + sum(pads), 5, 6)), X=x)


def conv(b: TestGraphs, op: Conv2D | None = None, *shape: int, bias: bool = True) -> Value:
    x = b.input(2, 6, 5, 6) if op is not None else b.input(2, 4, 5, 6)
    weight = b.weight(*(shape or (6, 4, 1, 1)))
    return b.add(op or Conv2D(), Input=x, Filter=weight, Bias=b.weight(6) if bias else None)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("swap", [True, False])
def test_adds_only_what_is_not_padded(b: TestGraphs, bias: bool, swap: bool) -> None:
    x, y = conv(b, bias=bias), widened(b)
    graph = b.build(
        b.add(ElementwiseAdd(), X=y, Y=x) if swap else b.add(ElementwiseAdd(), X=x, Y=y)
    )
    assert_rewrites(SplitPaddedSum(), graph, 1)
    assert ops(graph) == [Conv2D, Conv2D, ElementwiseAdd, Concat]


def test_takes_the_activation_along(b: TestGraphs) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b))
    graph = b.build(b.add(Relu(), X=total))
    assert_rewrites(SplitPaddedSum(), graph, 1)
    assert ops(graph) == [Conv2D, Conv2D, ElementwiseAdd, Relu, Relu, Concat]


@pytest.mark.parametrize(("mode", "slopes"), [("channel", 6), ("all", 1)])
def test_gives_each_part_its_slopes(b: TestGraphs, mode: str, slopes: int) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b))
    graph = b.build(b.add(PRelu(mode=mode), X=total, Alpha=b.weight(slopes)))
    assert_rewrites(SplitPaddedSum(), graph, 1)
    assert ops(graph) == [Conv2D, Conv2D, ElementwiseAdd, PRelu, PRelu, Concat]


@pytest.mark.parametrize("pads", [(3, 0), (1, 2)], ids=str)
def test_keeps_zeros_in_front(b: TestGraphs, pads: tuple[int, int]) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b, pads))
    assert_rewrites(SplitPaddedSum(), b.build(total), 0)


def test_keeps_pads_of_another_number(b: TestGraphs) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b, value=1.0))
    assert_rewrites(SplitPaddedSum(), b.build(total), 0)


def test_keeps_products(b: TestGraphs) -> None:
    total = b.add(ElementwiseMul(), X=conv(b), Y=widened(b))
    assert_rewrites(SplitPaddedSum(), b.build(total), 0)


@pytest.mark.parametrize(
    ("op", "shape"),
    [(Conv2D(groups=2), (6, 3, 1, 1)), (DepthwiseConv2D(groups=6), (6, 1, 1, 1))],
    ids=str,
)
def test_keeps_convolutions_of_groups(b: TestGraphs, op: Conv2D, shape: tuple[int, ...]) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b, op, *shape), Y=widened(b))
    assert_rewrites(SplitPaddedSum(), b.build(total), 0)


def test_keeps_a_convolution_with_an_activation(b: TestGraphs) -> None:
    x = b.add(Conv2D(activation=Relu()), Input=b.input(2, 4, 5, 6), Filter=b.weight(6, 4, 1, 1))
    assert_rewrites(SplitPaddedSum(), b.build(b.add(ElementwiseAdd(), X=x, Y=widened(b))), 0)


@pytest.mark.parametrize("which", [0, 1])
def test_keeps_operands_that_are_outputs(b: TestGraphs, which: int) -> None:
    operands = (conv(b), widened(b))
    total = b.add(ElementwiseAdd(), X=operands[0], Y=operands[1])
    assert_rewrites(SplitPaddedSum(), b.build(total, operands[which]), 0)


def test_leaves_an_activation_that_is_not_the_only_reader(b: TestGraphs) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b))
    graph = b.build(b.add(Relu(), X=total), total)
    assert_rewrites(SplitPaddedSum(), graph, 1)
    assert ops(graph) == [Conv2D, Conv2D, ElementwiseAdd, Concat, Relu]


def test_keeps_the_activation_of_an_operation_that_only_reads_it(b: TestGraphs) -> None:
    total = b.add(ElementwiseAdd(), X=conv(b), Y=widened(b))
    graph = b.build(b.add(PRelu(mode="element"), X=total, Alpha=b.weight(2, 6, 5, 6)))
    assert_rewrites(SplitPaddedSum(), graph, 1)
    assert ops(graph)[-2:] == [Concat, PRelu]


def test_works_for_any_batch(b: TestGraphs) -> None:
    x = b.add(Conv2D(), Input=b.input("n", 4, 5, 6), Filter=b.weight(6, 4, 1, 1))
    total: Operation = ElementwiseAdd()
    graph = b.build(b.add(total, X=x, Y=widened(b, batch="n")))
    assert_rewrites(SplitPaddedSum(), graph, 1)
