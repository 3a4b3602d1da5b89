"""Memory that is planned for sizes that only runs say."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import DType, Graph, TensorType
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
from opt_tool.ir.operations.indexing import WhereIndex
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.runtime.arena import Places
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.fed_plans import RECENT


def net(batch: int | str, height: int | str = 9) -> Graph:
    """A 3x3 convolution, a block as in MobileNetV2 that adds its own input, and a sum."""
    b = TestGraphs()
    x = b.graph.add_input("x", TensorType(DType.FLOAT32, (batch, 3, height, 7)))
    first = b.add(
        Conv2D(paddings=(1, 1, 1, 1), activation=Relu()), Input=x, Filter=b.weight(8, 3, 3, 3)
    )
    wide = b.add(Conv2D(activation=Relu6()), Input=first, Filter=b.weight(24, 8, 1, 1))
    filtered = b.add(
        DepthwiseConv2D(groups=24, paddings=(1, 1, 1, 1)), Input=wide, Filter=b.weight(24, 1, 3, 3)
    )
    narrow = b.add(Conv2D(), Input=filtered, Filter=b.weight(8, 24, 1, 1), Bias=b.weight(8))
    total = b.add(ElementwiseAdd(), X=narrow, Y=first)
    return b.build(b.add(Scale(scale=0.5), X=total))


def fed(*shape: int, seed: int = 0) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}


def last_places(executor: Executor) -> Places:
    """Where the last run wrote."""
    (arena,) = executor._arenas
    return list(arena._places.values())[-1]


def is_planned(executor: Executor) -> bool:
    """Whether the last run wrote to planned memory."""
    return bool(last_places(executor).plan.offsets)


def planned_runs(executor: Executor, batches: Sequence[int]) -> str:
    """Runs with batches of these sizes: p for each that was planned, else a dot."""
    marks = ""
    for batch in batches:
        executor.run(fed(batch, 3, 9, 7))
        marks += "p" if is_planned(executor) else "."
    return marks


def test_sizes_in_turn_compute_what_a_graph_of_that_size_does() -> None:
    executor = Executor(net("n"))
    sizes = (1, 1, 2, 1, 3, 3, 1, 4, 5, 6, 7, 1, 1, 3, 2, 2, 2)
    for seed, batch in enumerate(sizes):
        given = fed(batch, 3, 9, 7, seed=seed)
        (found,) = executor.run(given).values()
        (expected,) = Executor(net(batch)).run(given).values()
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("height", [5, 9])
def test_open_heights_compute_what_fixed_ones_do(height: int) -> None:
    executor = Executor(net("n", "height"))
    for seed in range(4):
        given = fed(2, 3, height, 7, seed=seed)
        executor.run(fed(1, 3, 11, 7, seed=seed))
        (found,) = executor.run(given).values()
        (expected,) = Executor(net(2, height)).run(given).values()
        np.testing.assert_array_equal(found, expected)
    assert is_planned(executor)


def test_sizes_that_come_again_soon_are_planned_for() -> None:
    assert planned_runs(Executor(net("n")), (1, 1, 1)) == ".pp"
    assert planned_runs(Executor(net("n")), (1, 2, 1, 2, 3, 3, 2)) == "..pp.pp"


def test_sizes_that_change_with_each_run_are_not_planned_for() -> None:
    assert planned_runs(Executor(net("n")), [1, 2, 3, 4, 5] * 3) == "." * 15


def test_sizes_that_did_not_come_for_long_are_forgotten() -> None:
    others = range(2, 2 + RECENT)
    executor = Executor(net("n"))
    assert planned_runs(executor, (1, 1, *others, 1)) == ".p" + "." * RECENT + "."
    assert planned_runs(Executor(net("n")), (1, 1, 2, 3, 1, 4, 5, 1)) == ".p..p..p"


def test_sizes_that_a_graph_says_are_planned_for_at_once() -> None:
    assert planned_runs(Executor(net(2)), (2, 2)) == "pp"


def test_a_plan_is_that_of_a_graph_of_these_sizes() -> None:
    executor, fixed = Executor(net("n")), Executor(net(2))
    for one in (executor, executor, fixed):
        one.run(fed(2, 3, 9, 7))
    plan, expected = last_places(executor).plan, fixed.plans.declared
    assert plan.size == expected.size > 0
    assert list(plan.offsets.values()) == list(expected.offsets.values())
    assert len(plan.workspaces) == len(expected.workspaces) == 4


def test_calls_are_captured_for_each_size() -> None:
    executor = Executor(net("n"))
    for batch in (1, 1, 2, 2, 1):
        executor.run(fed(batch, 3, 9, 7))
    before = dict(last_places(executor).captured)
    assert [calls is None for calls in before.values()] == [True, False, False, False]
    executor.run(fed(2, 3, 9, 7))
    executor.run(fed(1, 3, 9, 7))
    for node, calls in last_places(executor).captured.items():
        assert calls is before[node]


def test_all_sizes_share_the_memory_of_the_largest() -> None:
    executor = Executor(net("n"))
    needed = []
    for batch in (1, 1, 6, 6, 2, 2, 5, 5, 4, 4, 3, 3, 1):
        executor.run(fed(batch, 3, 9, 7))
        needed.append(last_places(executor).plan.size)
    (arena,) = executor._arenas
    assert len(arena._places) == RECENT
    assert len(arena._memory) == max(needed) > max(needed[4:])
    assert all(places.memory is arena._memory for places in arena._places.values())


def test_runs_at_the_same_time_do_not_meet() -> None:
    graph = net("n")
    executor = Executor(graph)
    jobs = [fed(1 + seed % 3, 3, 9, 7, seed=seed) for seed in range(12)]
    expected = [next(iter(Executor(graph).run(job).values())) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for one, other in zip(pool.map(executor.run, jobs), expected, strict=True):
                np.testing.assert_array_equal(next(iter(one.values())), other)


def test_sizes_that_follow_from_numbers_are_never_planned() -> None:
    b = TestGraphs()
    x = b.graph.add_input("x", TensorType(DType.FLOAT32, ("n", 4)))
    shape = b.graph.add_input("shape", TensorType(DType.INT32, (2,)))
    turned = b.add(Reshape2(), X=b.add(Relu(), X=x), Shape=shape)
    places = b.add(WhereIndex(), Condition=x)
    joined = b.add(Concat(axis=0), X=(turned, turned))
    graph = b.build(b.add(Relu(), X=joined), b.add(Concat(axis=0), X=(places, places)))
    executor = Executor(graph)
    for columns, zeros in ((2, 0), (2, 0), (8, 5), (1, 7)):
        array = np.arange(16, dtype=np.float32).reshape(4, 4) - zeros
        array[array < 0] = 0
        given = {"x": array, "shape": np.array([16 // columns, columns], np.int32)}
        both, found = executor.run(given).values()
        np.testing.assert_array_equal(both, np.tile(array.reshape(-1, columns), (2, 1)))
        np.testing.assert_array_equal(found, np.tile(np.argwhere(array), (2, 1)))
    offsets = last_places(executor).plan.offsets
    assert [value.producer.op for value in offsets if value.producer] == [Relu()]


def test_sizes_that_do_not_fit_are_refused_in_each_run() -> None:
    b = TestGraphs()
    x = b.graph.add_input("x", TensorType(DType.FLOAT32, ("n", "m")))
    executor = Executor(b.build(b.add(Concat(axis=0), X=(x, b.weight(2, 3)))))
    for _ in range(3):
        with pytest.raises(ValueError, match="must match exactly"):
            executor.run(fed(2, 4))
        executor.run(fed(2, 3))


def test_weights_are_made_ready_once_for_all_batches() -> None:
    executor = Executor(net("n"))
    executor.run(fed(1, 3, 9, 7))
    prepared = executor.prepared_bytes
    assert prepared > 0
    assert planned_runs(executor, (1, 1, 2, 2, 3)) == "pp.p."
    assert executor.prepared_bytes == prepared


def test_an_operand_that_is_smaller_than_its_symbol_says_is_not_overwritten() -> None:
    b = TestGraphs()
    open_type = TensorType(DType.FLOAT32, ("n", 4))
    x, y = (b.graph.add_input(name, open_type) for name in ("x", "y"))
    left, right = b.add(Scale(scale=2.0), X=x), b.add(Scale(scale=3.0), X=y)
    total = b.add(ElementwiseAdd(), X=left, Y=right)
    executor = Executor(b.build(b.add(Concat(axis=0), X=(total, total))))
    for rows, others in ((1, 1), (1, 1), (3, 1), (3, 1), (1, 3), (1, 3), (1, 3)):
        given = {"x": np.ones((rows, 4), np.float32), "y": np.ones((others, 4), np.float32)}
        (found,) = executor.run(given).values()
        np.testing.assert_array_equal(found, np.full((2 * max(rows, others), 4), 5, np.float32))
    offsets = last_places(executor).plan.offsets
    assert offsets[total] != offsets[left]
