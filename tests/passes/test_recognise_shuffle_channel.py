from __future__ import annotations

import copy

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, feeds, ops
from opt_tool.ir import DType, Graph, Value
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.data_movement import ShuffleChannel, Transpose2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.recognise_shuffle_channel import RecogniseShuffleChannel
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion, Target


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def shuffled(
    b: TestGraphs,
    x: Value,
    parts: tuple[int, ...],
    axis: tuple[int, ...],
    end: tuple[int, ...] | None = None,
) -> Value:
    turned = b.add(Transpose2(axis=axis), X=b.add(Reshape2(shape=parts), X=x))
    return b.add(Reshape2(shape=end or (0, 6, 4, 5)), X=turned)


FIVE = (0, 2, 1, 3, 4)


def image(b: TestGraphs, batch: int | str = 2) -> Value:
    return b.input(batch, 6, 4, 5)


@pytest.mark.parametrize("batch", [2, "n"])
@pytest.mark.parametrize("group", [2, 3])
def test_recognises_planes_of_two_dimensions_and_of_one(
    b: TestGraphs, batch: int | str, group: int
) -> None:
    first = shuffled(b, image(b, batch), (0, group, 6 // group, 4, 5), FIVE)
    second = shuffled(b, b.add(Tanh(), X=first), (0, group, 6 // group, 20), (0, 2, 1, 3))
    graph = b.build(second)
    assert_rewrites(RecogniseShuffleChannel(), graph, 2)
    shuffle = ShuffleChannel(group=group)
    assert [node.op for node in graph.nodes] == [shuffle, Tanh(), shuffle]


def test_keeps_another_order_of_the_dimensions(b: TestGraphs) -> None:
    graph = b.build(shuffled(b, image(b), (2, 2, 3, 4, 5), (0, 2, 1, 4, 3)))
    assert_rewrites(RecogniseShuffleChannel(), graph, 0)


def test_keeps_another_shape_at_the_end(b: TestGraphs) -> None:
    graph = b.build(shuffled(b, image(b), (2, 2, 3, 4, 5), FIVE, end=(2, 6, 5, 4)))
    assert_rewrites(RecogniseShuffleChannel(), graph, 0)


@pytest.mark.parametrize("parts", [(2, 3, 4, 2, 5), (4, 3, 2, 2, 5), (2, 2, 1, 12, 5)])
def test_keeps_groups_of_something_else_than_the_channels(
    b: TestGraphs, parts: tuple[int, ...]
) -> None:
    graph = b.build(shuffled(b, image(b), parts, FIVE, end=(2, 6, 4, 5)))
    assert_rewrites(RecogniseShuffleChannel(), graph, 0)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("how", ["output", "read"])
def test_keeps_parts_that_something_else_reads(b: TestGraphs, part: int, how: str) -> None:
    y = shuffled(b, image(b), (2, 2, 3, 4, 5), FIVE)
    value = list(b.graph.nodes)[part].output
    graph = b.build(y, value if how == "output" else b.add(Tanh(), X=value))
    assert_rewrites(RecogniseShuffleChannel(), graph, 0)


def test_keeps_integers_which_the_kernel_does_not_take(b: TestGraphs) -> None:
    x = b.input(2, 6, 4, 5, dtype=DType.INT32)
    graph = b.build(shuffled(b, x, (2, 2, 3, 4, 5), FIVE))
    assert_rewrites(RecogniseShuffleChannel(), graph, 0)


@pytest.mark.parametrize("target", list(Target))
def test_the_pipeline_leaves_one_operation(b: TestGraphs, target: Target) -> None:
    graph = b.build(shuffled(b, image(b, "n"), (0, 2, 3, 4, 5), FIVE))
    before = _results(copy.deepcopy(graph))
    run_passes(graph, passes_for(target, LiteVersion.V2_13))
    assert ops(graph) == [ShuffleChannel]
    np.testing.assert_array_equal(_results(graph), before)


def _results(graph: Graph) -> np.ndarray:
    (y,) = Executor(graph).run(feeds(graph)).values()
    return y
