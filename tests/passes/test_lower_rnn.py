from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim, Graph, Value
from opt_tool.ir.operations.elementwise import Exp
from opt_tool.ir.operations.recurrence import GATES, Rnn
from opt_tool.passes.kernel_limits import limit_of
from opt_tool.passes.lower_rnn import LowerRnn
from opt_tool.targets import Target

ARM, X86 = Target.ARM, Target.X86


def layer(
    mode: str,
    *,
    time: Dim = 4,
    ways: int = 1,
    layers: int = 1,
    wanted: slice = slice(None),
) -> Graph:
    """A layer over (time, 2, 3) with a state of 5 numbers, and which of its outputs are read."""
    b = TestGraphs()
    weights: list[Value] = []
    rows = GATES[mode] * 5
    for number in range(layers):
        size = 3 if number == 0 else 5 * ways
        weights += [
            value for _ in range(ways) for value in (b.weight(rows, size), b.weight(rows, 5))
        ]
    weights += [b.weight(rows) for _ in range(2 * ways * layers)]
    states = [b.weight(ways * layers, 2, 5) for _ in range(2 if mode == "LSTM" else 1)]
    op = Rnn(mode, input_size=3, hidden_size=5, num_layers=layers, is_bidirec=ways == 2)
    made = b.add_all(op, Input=b.input(time, 2, 3), PreState=states, WeightList=weights)
    return b.build(made[wanted])


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("time", [1, 4])
def test_writes_a_few_steps_out(mode: str, ways: int, time: int, target: Target) -> None:
    graph = layer(mode, ways=ways, time=time)
    assert_rewrites(LowerRnn(target), graph, 1)
    assert Rnn not in ops(graph)


@pytest.mark.parametrize("mode", GATES)
def test_keeps_many_steps_of_which_only_the_output_is_read(mode: str) -> None:
    graph = layer(mode, time=20, wanted=slice(1))
    assert_rewrites(LowerRnn(X86), graph, 0)
    assert [limit_of(node, X86) for node in graph.nodes] == [None]


def test_writes_many_steps_out_where_x86_would_not_hand_over_the_last_state() -> None:
    assert_rewrites(LowerRnn(X86), layer("LSTM", time=20), 1)
    assert_rewrites(LowerRnn(ARM), layer("LSTM", time=20), 0)


def test_a_state_that_another_node_reads_is_wanted_too() -> None:
    graph = layer("LSTM", time=20, wanted=slice(2, 3))
    (state,) = graph.outputs
    graph.outputs = [graph.add(Exp(), {"X": state}).output]
    assert_rewrites(LowerRnn(X86), graph, 1)


@pytest.mark.parametrize("changes", [{"time": "t"}, {"layers": 2}], ids=str)
def test_keeps_what_it_cannot_write_out(changes: dict[str, Dim]) -> None:
    graph = layer("LSTM", **changes)  # type: ignore[arg-type]  # a time or a number of layers
    assert_rewrites(LowerRnn(X86), graph, 0)
    (node,) = graph.nodes
    assert "leaves the last state empty" in str(limit_of(node, X86))
    assert limit_of(node, ARM) is None
