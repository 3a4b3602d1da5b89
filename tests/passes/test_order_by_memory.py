from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.api.inspection import peak_memory_bytes
from opt_tool.ir import Graph, Node, verify
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.passes.order_by_memory import OrderByMemory, lean_order
from opt_tool.passes.plan_memory import live_bytes, plan_variable_names, planned_bytes


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


HALVED = Pool2D(pooling_type="avg", ksize=(2, 2), strides=(2, 2))


def fork(b: TestGraphs, *, early: bool = False, shown: bool = False) -> Graph:
    """A value with a wide reader, which comes first, and one that makes it smaller."""
    x = b.add(Tanh(), X=b.input(1, 4, 8, 8))
    small = b.add(HALVED, X=x) if early else None
    wide = b.add(Conv2D(), Input=x, Filter=b.weight(32, 4, 1, 1))
    wide = b.add(Sigmoid(), X=wide)
    narrow = b.add(Conv2D(strides=(2, 2)), Input=wide, Filter=b.weight(4, 32, 1, 1))
    small = b.add(HALVED, X=x) if small is None else small
    return b.build(b.add(Concat(axis=1), X=[narrow, small]), *([x] if shown else []))


def test_computes_what_is_small_first_where_its_operand_can_go_then(b: TestGraphs) -> None:
    graph = fork(b)
    before = peak_memory_bytes(graph)
    assert before is not None
    assert_rewrites(OrderByMemory(), graph, 4)
    assert ops(graph) == [Tanh, Pool2D, Conv2D, Sigmoid, Conv2D, Concat]
    assert peak_memory_bytes(graph) == before - 4 * (4 * 64 - 4 * 16)


def test_keeps_an_order_that_is_as_good(b: TestGraphs) -> None:
    assert_rewrites(OrderByMemory(), fork(b, early=True), 0)


def test_keeps_the_order_where_the_operand_stays_anyway(b: TestGraphs) -> None:
    graph = fork(b, shown=True)
    before = ops(graph)
    assert_rewrites(OrderByMemory(), graph, 0)
    assert ops(graph) == before


def test_keeps_the_order_of_equals(b: TestGraphs) -> None:
    x = b.add(Relu(), X=b.input(1, 4, 8, 8))
    graph = b.build(b.add(Tanh(), X=x), b.add(Sigmoid(), X=x), b.add(Relu(), X=x))
    assert_rewrites(OrderByMemory(), graph, 0)


def test_keeps_an_order_that_looking_one_step_ahead_makes_worse(b: TestGraphs) -> None:
    """Two bottlenecks: each side grows a little first, which it must not do on both at once."""
    ends = []
    x = b.input(1, 1, 8, 8)
    for _ in range(2):
        grown = b.add(Conv2D(), Input=x, Filter=b.weight(4, 1, 1, 1))
        wider = b.add(Conv2D(), Input=grown, Filter=b.weight(16, 4, 1, 1))
        ends.append(b.add(Conv2D(strides=(4, 4)), Input=wider, Filter=b.weight(1, 16, 1, 1)))
    graph = b.build(b.add(Concat(axis=1), X=ends))
    assert live_bytes(graph, lean_order(graph)) > live_bytes(graph, graph.nodes)
    assert_rewrites(OrderByMemory(), graph, 0)


def convolutions(b: TestGraphs, steps: Sequence[tuple[int, int]]) -> Graph:
    """A convolution for each step: of which value, and to how many channels."""
    values = [b.input(1, 2, 4, 4)]
    for position, channels in steps:
        x = values[position]
        values.append(b.add(Conv2D(), Input=x, Filter=b.weight(channels, int(x.shape[1]), 1, 1)))
    return b.build(b.add(Concat(axis=1), X=[value for value in values if not value.users]))


def test_keeps_an_order_whose_variables_hold_less_together(b: TestGraphs) -> None:
    graph = convolutions(b, [(0, 8), (1, 8), (0, 16), (3, 1), (2, 4)])
    copied = copy.deepcopy(graph)
    order = lean_order(copied)
    assert live_bytes(copied, order) < live_bytes(copied, copied.nodes)
    copied.reorder(order)
    names, more = plan_variable_names(graph), plan_variable_names(copied)
    assert planned_bytes(names) < planned_bytes(more)
    assert_rewrites(OrderByMemory(), graph, 0)


def test_keeps_an_order_in_which_less_lives_at_once_though_variables_would_hold_less(
    b: TestGraphs,
) -> None:
    graph = convolutions(b, [(0, 1), (1, 16), (2, 1), (3, 4), (1, 8), (5, 4)])
    copied = copy.deepcopy(graph)
    copied.reorder(lean_order(copied))
    lives, would_live = (live_bytes(each, each.nodes) for each in (graph, copied))
    held, would_hold = (planned_bytes(plan_variable_names(each)) for each in (graph, copied))
    assert would_live > lives
    assert held - would_hold > would_live - lives
    assert_rewrites(OrderByMemory(), graph, 0)


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Convolutions of any value so far."""
    channels = draw(st.lists(st.sampled_from((1, 2, 8)), min_size=2, max_size=7))
    return convolutions(
        TestGraphs(), [(draw(st.integers(0, index)), n) for index, n in enumerate(channels)]
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(graph=random_graphs())
def test_never_needs_more_and_stays_a_graph(graph: Graph) -> None:
    before = live_bytes(graph, graph.nodes), planned_bytes(plan_variable_names(graph))
    assert before[0] == peak_memory_bytes(graph)
    OrderByMemory().run(graph)
    verify(graph)
    after = live_bytes(graph, graph.nodes), planned_bytes(plan_variable_names(graph))
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(graph=random_graphs())
def test_the_lean_order_takes_what_leaves_least(graph: Graph) -> None:
    """Against the definition, which looks at all nodes anew at each step."""
    assert list(lean_order(graph)) == by_definition(graph)


def by_definition(graph: Graph) -> list[Node]:
    nodes = list(graph.nodes)
    order: list[Node] = []
    while len(order) < len(nodes):
        ready = [
            node
            for node in nodes
            if node not in order
            and all(v.producer in order or v.producer is None for v in node.inputs.flat())
        ]
        order.append(min(ready, key=lambda node: bytes_behind(graph, [*order, node])))
    return order


def bytes_behind(graph: Graph, done: list[Node]) -> int:
    """What lives when some nodes have run."""
    made = itertools.chain(graph.inputs, *(node.outputs.flat() for node in done))
    living = (v for v in made if graph.is_output(v) or any(u not in done for u in v.users))
    return sum(4 * v.type.size for v in living)
