from __future__ import annotations

import time

import pytest

from opt_tool.ir import DType, Graph, TensorType, Value
from opt_tool.ir.operations.activation import Sigmoid
from opt_tool.ir.outputs import Outputs

TYPE = TensorType(DType.FLOAT32, (1,))
A, B, C = (Value(name, TYPE) for name in "abc")


@pytest.fixture
def outputs() -> Outputs:
    found = Outputs([A, B])
    assert B in found  # from here on it knows its values
    return found


def test_is_a_list(outputs: Outputs) -> None:
    outputs.append(C)
    assert outputs == [A, B, C]
    assert outputs[1:] == Outputs([B, C])
    assert [*outputs] == [A, B, C]


def test_knows_what_was_added_and_taken_out(outputs: Outputs) -> None:
    outputs.append(C)
    assert C in outputs
    outputs.remove(A)
    assert A not in outputs
    outputs[0] = A
    assert A in outputs
    assert B not in outputs


def test_replaces_a_value_everywhere() -> None:
    outputs = Outputs([A, B, A])
    assert C not in outputs
    outputs.replace(A, C)
    assert outputs == [C, B, C]
    assert C in outputs
    assert A not in outputs


def test_asking_takes_no_search() -> None:
    graph = Graph()
    x = graph.add_input("x", TYPE)
    made = [graph.add(Sigmoid(), {"X": x}).output for _ in range(20_000)]
    graph.outputs = made
    start = time.process_time()
    assert all(graph.is_output(value) for value in made)
    assert time.process_time() - start < 0.5
