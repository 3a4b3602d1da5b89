from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Value
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.cancel_transposes import CancelTransposes
from opt_tool.passes.fold_pad import FoldPad
from opt_tool.passes.recognise_plane_pad import RecognisePlanePad

LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def padded(b: TestGraphs, x: Value, axis: int, *sizes: int, value: float = 0.0) -> Value:
    """One axis of x padded, as readers write it."""
    shape = x.type.static_shape
    before, behind = 1, 1
    for index, size in enumerate(shape):
        before *= size if index < axis else 1
        behind *= size if index > axis else 1
    plane = b.add(Reshape2(shape=(1, before, shape[axis], behind)), X=x)
    plane = b.add(Pad2D(paddings=(*sizes, 0, 0), pad_value=value), X=plane)  # type: ignore[arg-type]
    wider = (*shape[:axis], shape[axis] + sum(sizes), *shape[axis + 1 :])
    return b.add(Reshape2(shape=wider), X=plane)


def picture(b: TestGraphs) -> Value:
    return b.add(Transpose2(axis=LAST), X=b.add(Tanh(), X=b.input(2, 4, 5, 6)))


def test_folds_into_the_convolution_behind_it(b: TestGraphs) -> None:
    x = padded(b, padded(b, picture(b), 1, 0, 1), 2, 1, 2)
    x = b.add(Transpose2(axis=FIRST), X=x)
    graph = b.build(b.add(Conv2D(), Input=x, Filter=b.weight(3, 4, 3, 3)))
    assert_rewrites(RecognisePlanePad(), graph, 2)
    assert_rewrites(CancelTransposes(), graph, 3)
    assert ops(graph) == [Tanh, Pad2D, Pad2D, Conv2D]
    assert_rewrites(FoldPad(), graph, 2)
    assert [node.op for node in graph.nodes] == [Tanh(), Conv2D(paddings=(0, 1, 1, 2))]


@pytest.mark.parametrize("axis", [1, 2])
def test_takes_one_axis_beside_a_transpose(b: TestGraphs, axis: int) -> None:
    graph = b.build(b.add(Tanh(), X=padded(b, picture(b), axis, 1, 2)))
    assert_rewrites(RecognisePlanePad(), graph, 1)


def test_keeps_one_axis_with_no_transpose_beside_it(b: TestGraphs) -> None:
    graph = b.build(padded(b, b.input(2, 5, 6, 4), 1, 1, 2))
    assert_rewrites(RecognisePlanePad(), graph, 0)


def test_keeps_pads_of_channels(b: TestGraphs) -> None:
    assert_rewrites(RecognisePlanePad(), b.build(padded(b, picture(b), 3, 1, 2)), 0)


def test_keeps_other_numbers(b: TestGraphs) -> None:
    graph = b.build(padded(b, picture(b), 1, 1, 2, value=1.0))
    assert_rewrites(RecognisePlanePad(), graph, 0)


def test_reaches_the_pad_in_front_of_the_one_beside_the_transpose(b: TestGraphs) -> None:
    x = padded(b, padded(b, b.input(2, 5, 6, 4), 1, 0, 1), 2, 1, 2)
    graph = b.build(b.add(Tanh(), X=b.add(Transpose2(axis=FIRST), X=x)))
    assert_rewrites(RecognisePlanePad(), graph, 2)


def test_keeps_a_pad_that_is_read_between(b: TestGraphs) -> None:
    inner = padded(b, b.input(2, 5, 6, 4), 1, 0, 1)
    graph = b.build(inner, padded(b, inner, 2, 0, 1))
    assert_rewrites(RecognisePlanePad(), graph, 0)
