from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import TestGraphs, feeds, planned, unplanned
from opt_tool.ir import DType, Graph, TensorType, Value
from opt_tool.ir.operations.activation import Elu, Relu
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.runtime import memory_plan
from opt_tool.runtime.executor import Executor

SHAPE = (1, 3, 4, 4)


def started(*shape: int | str) -> tuple[TestGraphs, Value]:
    b = TestGraphs()
    return b, b.graph.add_input("x", TensorType(DType.FLOAT32, shape if shape else SHAPE))


def relu(b: TestGraphs, x: Value) -> Value:
    return b.add_all(Relu(), X=x)[0]


def add(b: TestGraphs, x: Value, y: Value) -> Value:
    return b.add_all(ElementwiseAdd(), X=x, Y=y)[0]


def concat(b: TestGraphs, *x: Value) -> Value:
    return b.add_all(Concat(axis=1), X=x)[0]


def ended(b: TestGraphs, *outputs: Value) -> Graph:
    b.graph.outputs = list(outputs)
    return b.graph


def results(graph: Graph) -> dict[str, np.ndarray]:
    """What a second run computes: by then memory holds what the first one left."""
    executor = Executor(graph)
    executor.run(feeds(graph, 1))
    return executor.run(feeds(graph))


def test_values_that_do_not_meet_share_memory() -> None:
    b, x = started()
    first = concat(b, x, x)
    second = concat(b, first, first)
    third = concat(b, second, x)
    plan = planned(ended(b, concat(b, third, x)))
    assert plan.offsets[first] == plan.offsets[third]
    assert plan.size < sum(value.type.nbytes for value in (first, second, third))


def test_values_that_meet_do_not() -> None:
    b, x = started()
    first = concat(b, x, x)
    second = concat(b, first, x)
    plan = planned(ended(b, concat(b, second, first)))
    assert abs(plan.offsets[first] - plan.offsets[second]) >= first.type.nbytes


def test_an_operand_that_ends_is_overwritten() -> None:
    b, x = started()
    joined = concat(b, x, x)
    active = relu(b, joined)
    plan = planned(ended(b, concat(b, active, x)))
    assert plan.offsets[joined] == plan.offsets[active]
    assert plan.size == joined.type.nbytes


def test_an_operand_that_is_read_again_is_not_overwritten() -> None:
    b, x = started()
    joined = concat(b, x, x)
    active = relu(b, joined)
    graph = ended(b, concat(b, active, joined))
    plan = planned(graph)
    assert plan.offsets[joined] != plan.offsets[active]
    value = feeds(graph)["x"]
    (y,) = results(graph).values()
    both = np.concatenate([value, value], 1)
    np.testing.assert_array_equal(y, np.concatenate([np.maximum(both, 0), both], 1))


def test_an_operand_that_is_another_one_in_part_is_not_overwritten() -> None:
    b, x = started()
    joined = concat(b, x, x)
    row = b.add_all(Reshape2(shape=(1, 6, 1, 16)), X=joined)[0]
    square = b.add_all(Reshape2(shape=(1, 6, 4, 4)), X=row)[0]
    total = add(b, joined, square)
    plan = planned(ended(b, concat(b, total, x)))
    assert plan.offsets[total] != plan.offsets[joined]


def test_what_a_reshape_shows_stays_alive() -> None:
    b, x = started()
    joined = concat(b, x, x)
    shown = b.add_all(Reshape2(shape=(1, 2, 12, 4)), X=joined)[0]
    others = concat(b, x, x)
    graph = ended(b, concat(b, others, x), concat(b, shown, shown))
    plan = planned(graph)
    assert plan.offsets[others] != plan.offsets[joined]


def test_outputs_are_not_in_the_planned_memory() -> None:
    b, x = started()
    joined = concat(b, x, x)
    shown = b.add_all(Reshape2(shape=(6, 16)), X=joined)[0]
    graph = ended(b, shown)
    executor = Executor(graph)
    (first,) = executor.run(feeds(graph, 1)).values()
    before = first.copy()
    executor.run(feeds(graph, 2))
    np.testing.assert_array_equal(first, before)


def test_the_array_that_is_fed_is_not_overwritten() -> None:
    b, x = started()
    graph = ended(b, concat(b, relu(b, x), x))
    fed = feeds(graph)
    before = fed["x"].copy()
    Executor(graph).run(fed)
    np.testing.assert_array_equal(fed["x"], before)


def test_open_sizes_are_not_planned() -> None:
    b, x = started("n", 3, 4, 4)
    graph = ended(b, concat(b, relu(b, x), x))
    assert planned(graph).size == 0
    assert next(iter(results(graph).values())).shape == (2, 6, 4, 4)


def test_offsets_begin_cache_lines() -> None:
    b, x = started(1, 1, 1, 3)
    left, right = relu(b, x), b.add_all(Scale(scale=2.0), X=x)[0]
    plan = planned(ended(b, concat(b, left, right)))
    assert sorted(plan.offsets.values()) == [0, 64]


def test_intermediate_values_that_are_kept_are_copies() -> None:
    b, x = started()
    joined = concat(b, x, x)
    graph = ended(b, concat(b, relu(b, joined), x))
    kept = Executor(graph).run(feeds(graph), keep=[joined.name])[joined.name]
    value = feeds(graph)["x"]
    np.testing.assert_array_equal(kept, np.concatenate([value, value], 1))


@given(steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 30))))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_random_graphs_compute_the_same_in_planned_memory(
    steps: list[tuple[int, int, int]],
) -> None:
    b, x = started()
    values = [x]
    for kind, one, other in steps:
        x, y = values[one % len(values)], values[other % len(values)]
        values.append(
            (
                lambda x, _: relu(b, x),
                lambda x, _: b.add_all(Scale(scale=0.5, bias=1.0), X=x)[0],
                lambda x, _: b.add_all(Elu(alpha=1.0), X=x)[0],
                lambda x, _: b.add_all(Reshape2(shape=SHAPE), X=x)[0],
                lambda x, y: add(b, x, y),
                lambda x, y: b.add_all(Reshape2(shape=SHAPE), X=add(b, x, y))[0],
            )[kind](x, y)
        )
    graph = ended(b, relu(b, values[-1]))
    if not list(graph.nodes):
        return
    plan = planned(graph)
    executor = Executor(graph)
    found = results(graph)
    names = [v.name for v in graph.values.values() if not v.is_constant]
    everything = executor.run(feeds(graph), keep=names)
    (output,) = graph.outputs
    np.testing.assert_array_equal(found[output.name], everything[output.name])
    apart = unplanned(graph).run(feeds(graph))
    np.testing.assert_array_equal(found[output.name], apart[output.name])
    assert plan.size <= sum(value.type.nbytes + 64 for value in plan.offsets)


def test_runs_do_not_take_more_and_more_memory() -> None:
    b, x = started()
    graph = ended(b, concat(b, relu(b, concat(b, x, x)), x))
    executor = Executor(graph)
    for _ in range(5):
        executor.run(feeds(graph))
    assert len(executor._arenas) == 1


@pytest.mark.parametrize("count", [2, 3])
def test_runs_at_the_same_time_have_memory_of_their_own(count: int) -> None:
    b, x = started()
    executor = Executor(ended(b, concat(b, relu(b, concat(b, x, x)), x)))
    contexts = [executor.places(executor.plans.declared) for _ in range(count)]
    places = [context.__enter__() for context in contexts]
    for one, other in itertools.combinations(places, 2):
        assert not np.may_share_memory(one.memory, other.memory)
    for context in contexts:
        context.__exit__(None, None, None)
    assert len(executor._arenas) == count


def waves(length: int, seed: int) -> Graph:
    """A long graph whose values have many sizes and lives."""
    rng = np.random.default_rng(seed)
    b, x = started(1, 1, 2, 2)
    values = [x]
    for _ in range(length):
        first, second = (values[max(0, len(values) - 1 - int(k))] for k in rng.integers(0, 9, 2))
        joined = concat(b, first, second)
        values.append(joined if joined.type.size < 4096 else concat(b, x, x))
    return ended(b, relu(b, values[-1]))


@pytest.mark.parametrize("seed", range(3))
def test_many_values_are_placed_in_order_and_as_well(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    graph = waves(120, seed)
    by_size = planned(graph)
    expected = results(graph)
    monkeypatch.setattr(memory_plan, "MANY", 0)
    in_order = planned(graph)
    assert in_order.size <= 1.5 * by_size.size
    for name, array in results(graph).items():
        np.testing.assert_array_equal(array, expected[name])


def test_planning_time_grows_with_the_number_of_values() -> None:
    b, x = started(1, 1, 2, 2)
    graph = ended(b, concat(b, *(concat(b, x, x) for _ in range(8000))))
    start = time.process_time()
    plan = planned(graph)
    assert plan.size >= 8000 * 32
    assert time.process_time() - start < 2, "all 8,000 live at once: pairs of them take minutes"


def test_stretches_in_order_never_meet_while_both_live() -> None:
    rng = np.random.default_rng(0)
    lives = [(int(first), int(first + rng.integers(0, 9))) for first in range(300)]
    stretches = [memory_plan.Stretch(int(rng.choice([64, 128])), *life) for life in lives]
    size = memory_plan._place_in_order(stretches)
    assert max(s.offset + s.size for s in stretches) <= size
    for a, b in itertools.combinations(stretches, 2):
        apart = a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
        assert apart or not a.overlaps(b)
