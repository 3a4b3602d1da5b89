from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import UNKNOWN, DType, ShapeError, TensorType, Value, types_for
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Concat, Slice
from opt_tool.ir.operations.indexing import WhereIndex
from opt_tool.ir.operations.shape import Reshape2, Shape


def started(*shape: int | str) -> tuple[TestGraphs, Value]:
    b = TestGraphs()
    return b, b.graph.add_input("x", TensorType(DType.FLOAT32, shape))


def test_sizes_follow_from_those_of_the_inputs() -> None:
    b, x = started("n", 3, "height")
    joined = b.add(Concat(axis=2), X=(x, b.add(Relu(), X=x)))
    graph = b.build(joined)
    before = {value: value.type for value in graph.values.values()}
    types = types_for(graph, {x: (2, 3, 5)})
    assert types[joined] == TensorType(DType.FLOAT32, (2, 3, 10))
    assert {value: value.type for value in graph.values.values()} == before


def test_sizes_may_be_computed_from_sizes() -> None:
    b, x = started("n", 3, 4)
    rows = b.add(Slice(axes=(0,), starts=(0,), ends=(1,)), Input=b.add(Shape(), Input=x))
    rest = b.constant(np.array([12], np.int32))
    shape = b.add(Concat(axis=0), X=(rows, rest))
    graph = b.build(b.add(Reshape2(shape=()), X=x, Shape=shape))
    assert types_for(graph, {x: (7, 3, 4)})[graph.outputs[0]].shape == (7, 12)


def test_what_depends_on_numbers_stays_open() -> None:
    b, x = started("n", 3)
    places = b.add(WhereIndex(), Condition=x)
    graph = b.build(b.add(Concat(axis=0), X=(places, places)))
    types = types_for(graph, {x: (2, 3)})
    assert not types[places].is_static
    assert UNKNOWN not in types[places].shape
    assert not types[graph.outputs[0]].is_static


def test_the_sizes_that_a_graph_says_are_its_own_types() -> None:
    b, x = started("n", 3)
    graph = b.build(b.add(Relu(), X=x))
    assert types_for(graph, {}) == {value: value.type for value in graph.values.values()}


def test_sizes_that_do_not_fit_are_refused() -> None:
    b, x = started("n", "m")
    graph = b.build(b.add(Concat(axis=0), X=(x, b.weight(2, 3))))
    with pytest.raises(ShapeError, match="differ in dimension 1"):
        types_for(graph, {x: (2, 4)})
