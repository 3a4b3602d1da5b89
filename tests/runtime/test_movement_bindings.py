"""Operations that no reader makes, or makes only for some models, from graph to numbers."""

from __future__ import annotations

import numpy as np

from graphs import TestGraphs
from opt_tool.ir import DType, Graph
from opt_tool.ir.operations import data_movement as moves
from opt_tool.ir.operations import indexing, matmul
from opt_tool.ir.operations import shape as shapes
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.creation import FillConstant, OneHotV2
from opt_tool.runtime.executor import Executor

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def computed(graph: Graph, **feeds: np.ndarray) -> list[np.ndarray]:
    return list(Executor(graph).run(feeds).values())


def vector(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def test_shapes_come_from_the_operand_or_from_its_parts() -> None:
    b = TestGraphs()
    x, whole = b.input(3, 4), b.input(2, name="whole", dtype=DType.INT32)
    parts = [b.input(1, name=f"part{i}", dtype=DType.INT32) for i in range(2)]
    graph = b.build(
        b.add(shapes.Reshape2(shape=(9, 9)), X=x, Shape=whole),
        b.add(shapes.Reshape2(), X=x, ShapeTensor=parts),
        b.add(FillConstant(value=2.0), ShapeTensorList=parts),
        b.add(moves.Tile(), X=x, repeat_times_tensor=parts),
    )
    feeds = {"x": X, "whole": vector(4, 3), "part0": vector(2), "part1": vector(6)}
    shaped = computed(graph, **feeds)
    assert [array.shape for array in shaped] == [(4, 3), (2, 6), (2, 6), (6, 24)]


def test_parts_of_bounds_and_expansions() -> None:
    b = TestGraphs()
    x = b.input(3, 4)
    start, end, size = (b.input(1, name=n, dtype=DType.INT32) for n in ("start", "end", "size"))
    cut = moves.Slice(axes=(1,), starts=(), ends=(), infer_flags=(-1,))
    graph = b.build(
        b.add(cut, Input=x, StartsTensorList=[start], EndsTensorList=[end]),
        b.add(moves.ExpandV2(), X=b.constant(X[:, :1]), expand_shapes_tensor=[size, size]),
    )
    feeds = {"start": vector(1), "end": vector(-1), "size": vector(3)}
    sliced, wide = computed(graph, x=X, **feeds)
    np.testing.assert_array_equal(sliced, X[:, 1:-1])
    np.testing.assert_array_equal(wide, np.repeat(X[:, :1], 3, 1))


def test_dropped_axes() -> None:
    b = TestGraphs()
    x = b.input(3, 4)
    one = moves.Slice(axes=(0, 1), starts=(1, 2), ends=(2, 3), decrease_axis=(0, 1))
    row = moves.StridedSlice(
        axes=(0, 1),
        starts=(1, 0),
        ends=(2, 4),
        strides=(1, 2),
        infer_flags=(1, 1),
        decrease_axis=(0,),
    )
    element, every = computed(b.build(b.add(one, Input=x), b.add(row, Input=x)), x=X)
    np.testing.assert_array_equal(element, [X[1, 2]])
    np.testing.assert_array_equal(every, X[1, ::2])


def test_flattening_stacking_and_unsqueezing() -> None:
    b = TestGraphs()
    x = b.input(3, 4)
    axes = b.constant(vector(0))
    graph = b.build(
        b.add(shapes.FlattenContiguousRange(start_axis=0, stop_axis=-1), X=x),
        b.add(moves.Stack(axis=1), X=(x, x)),
        b.add(shapes.Unsqueeze2(), X=x, AxesTensor=axes),
    )
    flat, stacked, wide = computed(graph, x=X)
    np.testing.assert_array_equal(flat, X.reshape(-1))
    np.testing.assert_array_equal(stacked, np.stack([X, X], 1))
    assert wide.shape == (1, 3, 4)


def test_depth_from_an_operand() -> None:
    b = TestGraphs()
    x, depth = b.input(3, dtype=DType.INT64), b.input(1, name="depth", dtype=DType.INT32)
    graph = b.build(b.add(OneHotV2(), X=x, depth_tensor=depth))
    (hot,) = computed(graph, x=np.array([0, 2, 1]), depth=vector(3))
    np.testing.assert_array_equal(hot, np.eye(3)[[0, 2, 1]])


def test_tables_and_scatters() -> None:
    b = TestGraphs()
    x, ids = b.input(3, 4), b.input(2, 1, name="ids", dtype=DType.INT64)
    places = b.constant(np.array([0, 2]))
    graph = b.build(
        b.add(indexing.LookupTable(padding_idx=2), W=x, Ids=ids),
        b.add(indexing.Scatter(), X=x, Ids=places, Updates=b.constant(X[1:])),
    )
    rows, written = computed(graph, x=X, ids=np.array([[2], [1]]))
    np.testing.assert_array_equal(rows, [X[2] * 0, X[1]])
    np.testing.assert_array_equal(written, [X[1], X[1], X[2]])


def test_products() -> None:
    b = TestGraphs()
    x = b.input(3, 4)
    weight = b.weight(4, 2)
    graph = b.build(
        b.add(matmul.MatMul(transpose_X=True, alpha=0.5), X=x, Y=x),
        b.add(matmul.Mul(), X=x, Y=weight),
        b.add(matmul.Fc(activation=Relu()), Input=x, W=weight, Bias=b.weight(2)),
    )
    squared, product, positive = computed(graph, x=X)
    np.testing.assert_allclose(squared, X.T @ X * 0.5, rtol=1e-6)
    np.testing.assert_allclose(product, X @ weight.array(), rtol=1e-5)
    bias = next(value for value in graph.constants if value.shape == (2,)).array()
    np.testing.assert_allclose(positive, np.maximum(product + bias, 0), rtol=1e-5)
