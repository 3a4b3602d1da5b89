from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, ops
from opt_tool.ir import (
    DType,
    Graph,
    InvalidGraphError,
    Operation,
    ShapeError,
    TensorType,
    Verifier,
    verify,
)
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D


def chain() -> Graph:
    b = TestGraphs()
    x = b.input(1, 4)
    return b.build(b.add(Tanh(), "y", X=b.add(Relu(), "h", X=x)))


def test_values_know_their_producer_and_users() -> None:
    graph = chain()
    hidden = graph.values["h"]
    assert hidden.producer is not None
    assert hidden.producer.op == Relu()
    assert [node.op for node in hidden.users] == [Tanh()]
    verify(graph)


def test_fuse_keeps_the_output_and_its_name() -> None:
    graph = chain()
    output = graph.outputs[0]
    first, last = graph.nodes
    graph.fuse((first, last), Sigmoid(), {"X": graph.inputs[0]})
    assert ops(graph) == [Sigmoid]
    assert graph.outputs == [output]
    assert output.name == "y"
    assert "h" not in graph.values
    verify(graph)


def test_fuse_refuses_nodes_that_something_else_reads() -> None:
    graph = chain()
    graph.outputs.append(graph.values["h"])
    first, last = graph.nodes
    with pytest.raises(ValueError, match="still read"):
        graph.fuse((first, last), Sigmoid(), {"X": graph.inputs[0]})


def test_nodes_can_be_replaced_while_iterating() -> None:
    graph = chain()
    for node in graph.nodes:
        graph.replace(node, Sigmoid(), node.inputs)
    assert ops(graph) == [Sigmoid, Sigmoid]
    verify(graph)


def test_replacing_an_output_moves_its_name() -> None:
    graph = chain()
    hidden, output = graph.values["h"], graph.values["y"]
    graph.replace_uses(output, hidden)
    assert graph.outputs == [hidden]
    assert hidden.name == "y"
    graph.remove_unused()
    assert ops(graph) == [Relu]
    verify(graph)


def test_an_input_cannot_take_the_place_of_an_output() -> None:
    graph = chain()
    assert not graph.can_replace(graph.outputs[0], graph.inputs[0])
    with pytest.raises(ValueError, match="cannot take the place"):
        graph.replace_uses(graph.outputs[0], graph.inputs[0])


def test_freezing_makes_outputs_constants() -> None:
    graph = chain()
    first = next(graph.nodes)
    graph.freeze(first, [np.ones((1, 4), np.float32)])
    assert graph.values["h"].is_constant
    assert ops(graph) == [Tanh]
    verify(graph)


def test_unused_nodes_and_constants_go() -> None:
    b = TestGraphs()
    x = b.input(1, 3, 5, 5)
    b.add(Conv2D(), Input=x, Filter=b.weight(2, 3, 3, 3))
    graph = b.build(b.add(Relu(), X=x))
    assert graph.remove_unused() == 1
    assert ops(graph) == [Relu]
    assert not graph.constants


def test_knows_which_operations_it_has() -> None:
    graph = chain()
    first, last = graph.nodes
    assert (graph.has((Relu,)), graph.has((Sigmoid,))) == (True, False)
    assert graph.has((Sigmoid, Tanh))
    assert graph.has((Operation,))
    graph.reorder((first, last))
    graph.fuse((first, last), Sigmoid(), {"X": graph.inputs[0]})
    assert (graph.has((Relu, Tanh)), graph.has((Sigmoid,))) == (False, True)
    graph.outputs = [graph.inputs[0]]
    graph.remove_unused()
    assert not graph.has((Operation,))


def test_names_are_made_unique() -> None:
    b = TestGraphs()
    x = b.input(2)
    first, second = b.add(Relu(), "y", X=x), b.add(Relu(), "y", X=x)
    assert first.name != second.name


def test_wrong_slots_are_refused() -> None:
    b = TestGraphs()
    x = b.input(2)
    with pytest.raises(ShapeError, match="no input slot 'Y'"):
        b.add(Relu(), Y=x)
    with pytest.raises(ShapeError, match="needs a value in slot 'X'"):
        b.add(Relu())
    with pytest.raises(ShapeError, match="takes one value in slot 'X', not 2"):
        b.add(Relu(), X=[x, x])


def test_verify_finds_a_wrong_type() -> None:
    graph = chain()
    graph.values["h"].type = TensorType(DType.FLOAT32, (1, 5))
    with pytest.raises(InvalidGraphError, match="should have shape"):
        verify(graph)


def test_a_verifier_sees_what_changed_since_it_last_looked() -> None:
    graph = chain()
    verifier = Verifier()
    verifier.verify(graph)
    verifier.verify(graph)
    graph.values["h"].type = TensorType(DType.FLOAT32, (1, 5))
    with pytest.raises(InvalidGraphError, match=r"%h: .*should have shape"):
        verifier.verify(graph)


def test_verify_finds_users_that_read_nothing_and_readers_that_are_no_users() -> None:
    graph = chain()
    first, last = graph.nodes
    graph.values["h"]._users[first] = 1
    with pytest.raises(InvalidGraphError, match="3 users, but nodes read 2 values"):
        verify(graph)
    graph.values["h"]._users = {first: 1}
    with pytest.raises(InvalidGraphError, match="is not a user of 'h', which it reads"):
        verify(graph)
    graph.values["h"]._users = {last: 1}
    verify(graph)


def test_verify_finds_a_value_that_another_node_makes() -> None:
    graph = chain()
    verifier = Verifier()
    verifier.verify(graph)
    first, last = graph.nodes
    graph.values["h"].producer = last
    with pytest.raises(InvalidGraphError, match="is not the producer of 'h'"):
        verifier.verify(graph)
    graph.values["h"].producer = first
    first.outputs = last.outputs
    with pytest.raises(InvalidGraphError, match="is not the producer of 'y'"):
        verifier.verify(graph)


def test_verify_finds_a_node_out_of_order() -> None:
    graph = chain()
    first, last = graph.nodes
    graph.replace_inputs(first, {"X": last.output})
    with pytest.raises(InvalidGraphError, match="before it is made"):
        verify(graph)
