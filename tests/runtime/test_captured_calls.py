"""Calls that are captured in the first run and replayed in those that follow."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphs import TestGraphs, feeds, planned, unplanned
from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6, Sigmoid
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.kernels import convolution, depthwise
from opt_tool.kernels.calls import Call
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.bindings import convolution as convolution_bindings
from opt_tool.runtime.executor import Executor

IM2COL = Settings(conv_algorithm="im2col")


def pointwise(b: TestGraphs, x: Value, filters: int, residual: Value | None = None) -> Value:
    channels = x.shape[1]
    assert isinstance(channels, int)
    more = {} if residual is None else {"ResidualData": residual}
    op = Conv2D(activation=Relu())
    weight, bias = b.weight(filters, channels, 1, 1), b.weight(filters)
    return b.add(op, Input=x, Filter=weight, Bias=bias, **more)


def filtered(b: TestGraphs, x: Value, stride: int = 1) -> Value:
    channels = x.shape[1]
    assert isinstance(channels, int)
    op = DepthwiseConv2D(
        groups=channels, strides=(stride, stride), paddings=(1, 1, 1, 1), activation=Relu6()
    )
    weight, bias = b.weight(channels, 1, 3, 3), b.weight(channels)
    return b.add(op, Input=x, Filter=weight, Bias=bias)


def inverted_residual(size: tuple[int, int] = (9, 7), stride: int = 1) -> Graph:
    """Blocks as in MobileNetV2, the second of which adds its own input."""
    b = TestGraphs()
    first = pointwise(b, b.input(2, 3, *size), 8)
    narrow = pointwise(b, filtered(b, pointwise(b, first, 24), stride), 8)
    total = pointwise(b, filtered(b, pointwise(b, narrow, 24)), 8, narrow)
    return b.build(b.add(Relu(), X=total))


def captured(executor: Executor) -> list[Node]:
    return [node for node, calls in kept_calls(executor).items() if calls is not None]


def kept_calls(executor: Executor) -> dict[Node, tuple[Call, ...] | None]:
    """What was captured for the sizes of the last run."""
    (arena,) = executor._arenas
    return list(arena._places.values())[-1].captured


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_replayed_calls_compute_what_a_first_run_computes(
    monkeypatch: pytest.MonkeyPatch, stride: int, block_bytes: int
) -> None:
    monkeypatch.setattr(depthwise, "BLOCK_BYTES", block_bytes)
    graph = inverted_residual(stride=stride)
    executor = Executor(graph)
    for seed in range(4):
        (found,) = executor.run(feeds(graph, seed)).values()
        (expected,) = Executor(graph).run(feeds(graph, seed)).values()
        assert np.abs(expected).max() > 1
        np.testing.assert_array_equal(found, expected)
    assert len(captured(executor)) == 6, "all but the first, which reads what the user gives"


LAYOUTS = {
    "windows": (Conv2D(strides=(2, 2), paddings=(1, 0, 2, 1)), (6, 6, 3, 3), (9, 7)),
    "inside": (Conv2D(), (6, 6, 3, 2), (9, 7)),
    "groups": (Conv2D(groups=2, paddings=(1, 1, 1, 1), dilations=(2, 1)), (6, 3, 3, 3), (9, 7)),
    "rows": (
        Conv2D(strides=(2, 1), paddings=(1, 1, 0, 1), dilations=(1, 2)),
        (6, 6, 3, 3),
        (9, 60),
    ),
}


@pytest.mark.parametrize("activation", [Relu(), Relu6(), Sigmoid()], ids=repr)
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layers_that_lay_windows_out_are_captured(
    monkeypatch: pytest.MonkeyPatch,
    layout: str,
    block_bytes: int,
    adds: bool,
    activation: Operation,
) -> None:
    op, weight, size = LAYOUTS[layout]
    for name in ("ROWS_BYTES", "WINDOWS_BYTES", "FEWEST_WINDOWS"):
        monkeypatch.setattr(convolution, name, block_bytes)
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 6, *size))
    filters = b.weight(*weight), b.weight(6)
    first = b.add(op, Input=x, Filter=filters[0], Bias=filters[1])
    more = {"ResidualData": b.add(Scale(scale=0.5), X=first)} if adds else {}
    second = b.add(
        op.replaced(activation=activation),
        Input=b.add(Relu(), X=x),
        Filter=filters[0],
        Bias=filters[1],
        **more,
    )
    graph = b.build(b.add(Relu(), X=second), b.add(Relu(), X=first))
    executor = Executor(graph, IM2COL)
    for seed in range(3):
        found = executor.run(feeds(graph, seed))
        for name, expected in unplanned(graph, IM2COL).run(feeds(graph, seed)).items():
            assert np.abs(expected).max() > 0.5
            np.testing.assert_array_equal(found[name], expected)
    assert [node.output for node in captured(executor)] == [first, second]


@pytest.mark.parametrize(("limit", "count"), [(5_000, 0), (10_000, 1)])
def test_layers_that_lay_much_out_are_not_captured(
    monkeypatch: pytest.MonkeyPatch, limit: int, count: int
) -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(1, 6, 9, 7))
    graph = b.build(b.add(Relu(), X=b.add(Conv2D(), Input=x, Filter=b.weight(6, 6, 3, 3))))
    monkeypatch.setattr(convolution_bindings, "LITTLE_SPACE", limit)
    executor = Executor(graph, IM2COL)
    executor.run(feeds(graph))
    assert len(captured(executor)) == count


def test_a_first_run_computes_what_kernels_compute_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = inverted_residual()
    (found,) = Executor(graph).run(feeds(graph)).values()
    monkeypatch.setattr(Executor, "_workspaces", lambda *_: {})
    at_once = Executor(graph)
    (expected,) = at_once.run(feeds(graph)).values()
    assert not captured(at_once)
    np.testing.assert_array_equal(found, expected)


def test_intermediate_values_are_handed_out_when_calls_are_replayed() -> None:
    graph = inverted_residual()
    executor = Executor(graph)
    executor.run(feeds(graph, 1))
    names = [node.output.name for node in graph.nodes]
    watched: dict[str, np.ndarray] = {}

    def watch(node: Node, made: Iterable[np.ndarray]) -> None:
        (array,) = made
        watched[node.output.name] = array.copy()

    kept = executor.run(feeds(graph), keep=names, watch=watch)
    expected = Executor(graph).run(feeds(graph), keep=names)
    for name in names:
        np.testing.assert_array_equal(kept[name], expected[name])
        np.testing.assert_array_equal(watched[name], expected[name])


def test_runs_at_the_same_time_replay_calls_of_their_own() -> None:
    graph = inverted_residual((40, 40))
    executor = Executor(graph)
    expected = [Executor(graph).run(feeds(graph, seed)) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = list(pool.map(lambda seed: executor.run(feeds(graph, seed)), range(4)))
            for one, other in zip(found, expected, strict=True):
                for name, array in one.items():
                    np.testing.assert_array_equal(array, other[name])


def test_operands_that_are_not_planned_are_not_captured() -> None:
    b = TestGraphs()
    graph = b.build(filtered(b, b.add(Relu(), X=b.input(1, 4, "height", 6))))
    executor = Executor(graph)
    executor.run(feeds(graph))
    assert not captured(executor)


@pytest.mark.parametrize("shape", [(2, 1, 9, 7), (3, 5, 1, 1)], ids=str)
def test_layers_that_read_what_the_user_gives_are_not_captured(shape: tuple[int, ...]) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu(), X=pointwise(b, b.input(*shape), 4)))
    executor = Executor(graph)
    for seed in range(3):
        (found,) = executor.run(feeds(graph, seed)).values()
        (expected,) = Executor(graph).run(feeds(graph, seed)).values()
        np.testing.assert_array_equal(found, expected)
    assert not captured(executor)


def test_planes_that_lie_apart_are_not_captured_by_1x1_layers() -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(2, 5, 9, 7))
    graph = b.build(b.add(Relu(), X=pointwise(b, x, 4)))
    executor = Executor(graph)
    for seed in range(3):
        (found,) = executor.run(feeds(graph, seed)).values()
        (expected,) = unplanned(graph).run(feeds(graph, seed)).values()
        np.testing.assert_array_equal(found, expected)
    assert not captured(executor)


def test_calls_are_captured_once() -> None:
    graph = inverted_residual()
    executor = Executor(graph)
    executor.run(feeds(graph))
    before = dict(kept_calls(executor))
    executor.run(feeds(graph))
    for node, calls in kept_calls(executor).items():
        assert calls is before[node]


def test_workspaces_do_not_lie_where_operands_do() -> None:
    graph = inverted_residual()
    nodes = list(graph.nodes)
    plan = planned(graph, dict.fromkeys(nodes, 1000))
    for node in nodes:
        taken = plan.workspaces[node]
        assert taken.stop - taken.start == 1000
        for value in (*node.inputs.flat(), *node.outputs.flat()):
            if value in plan.offsets:
                start = plan.offsets[value]
                assert start + value.type.nbytes <= taken.start or taken.stop <= start
    sizes = sum(value.type.nbytes for value in plan.offsets)
    assert plan.size < sizes + 2000, "workspaces of one node after the other share memory"
