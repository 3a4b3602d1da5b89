"""Shape rules of operations that move elements, with dimensions that only the run knows."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir import Dim, DType, Shape, ShapeError, Value
from opt_tool.ir.operations import data_movement as moves
from opt_tool.ir.operations import indexing, matmul, reduction
from opt_tool.ir.operations import shape as shapes
from opt_tool.ir.operations.creation import FillConstant, Range
from opt_tool.ir.operations.data_movement import ENDLESS
from opt_tool.ir.operations.shape import reshape_attribute, reshaped


@pytest.mark.parametrize(
    ("old", "wanted", "expected"),
    [
        (("n", 3, 4), (0, -1), ("n", 12)),
        (("n", "s", 12), (0, 0, 3, -1), ("n", "s", 3, 4)),
        (("n", "s", 12), (-1, 4), ("n*s*3", 4)),
        (("n", 3), ("n", 3, 1), ("n", 3, 1)),
        ((2, 3), (-1,), (6,)),
        ((0, 3), (0, 3), (0, 3)),
        ((), (1, -1), (1, 1)),
    ],
    ids=str,
)
def test_reshape_finds_the_open_dimension(old: Shape, wanted: Shape, expected: Shape) -> None:
    assert reshaped(old, wanted) == expected


@pytest.mark.parametrize(
    ("old", "wanted"),
    [
        *(((2, 3), (4, -1)), ((2, 3), (-1, -1)), ((2, 3), (7,)), ((2,), (2, 0))),
        *(((2, 3), (0, 0, 2)), ((2, 3), (-2, -3)), ((0, 3), (0, -5))),
    ],
    ids=str,
)
def test_reshape_of_what_does_not_fit_is_refused(old: Shape, wanted: Shape) -> None:
    with pytest.raises(ShapeError):
        reshaped(old, wanted)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (("n", "s", 12), ("n", "s", 3, 4), (0, 0, 3, 4)),
        (("n", "s", 12), ("n*s", 12), (-1, 12)),
        (("n", "s"), ("s", "n"), None),
        (("n", 4), (4, "n"), (4, -1)),
        ((2, 3), (6,), (6,)),
    ],
    ids=str,
)
def test_a_reshape_is_numbers_where_the_symbols_allow_it(
    old: Shape, new: Shape, expected: tuple[int, ...] | None
) -> None:
    assert reshape_attribute(old, new) == expected


@pytest.mark.parametrize(
    ("size", "start", "end", "expected"),
    [
        (7, 1, ENDLESS, 6),
        (7, -3, -1, 2),
        (7, 5, 2, 0),
        ("n", 0, ENDLESS, "n"),
        ("n", 2, ENDLESS, "n-2"),
        ("n", 0, -1, "n-1"),
        ("n", 2, -3, "n-5"),
        ("n", -1, ENDLESS, 1),
        ("n", -3, -2, 1),
        ("n", 4, 5, 1),
        ("n", 0, "n", "n"),
        (512, 0, "n", "n"),
    ],
    ids=str,
)
def test_slice_of_a_dimension(size: Dim, start: Dim, end: Dim, expected: Dim) -> None:
    assert moves.sliced(size, start, end) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 4), (-4, ENDLESS), (-3, 5)], ids=str)
def test_a_slice_that_may_be_cut_short_has_a_size_of_its_own(start: int, end: int) -> None:
    graphs = TestGraphs()
    x = graphs.input("n", 3)
    y = graphs.add(moves.Slice(axes=(0,), starts=(start,), ends=(end,)), "y", Input=x)
    assert y.shape == ("y.0", 3)


def test_a_reshape_to_a_scalar_is_refused_since_the_runtime_has_none() -> None:
    graphs = TestGraphs()
    with pytest.raises(ShapeError, match="squeeze2 makes one"):
        graphs.add(shapes.Reshape2(), X=graphs.input(1, 1))
    assert graphs.add(shapes.Squeeze2(axes=(0, 1)), X=graphs.input(1, 1)).shape == ()


def dims(graphs: TestGraphs, x: Value) -> Value:
    return graphs.add(shapes.Shape(), Input=x)


def test_elements_follow_a_shape_through_moves() -> None:
    graphs = TestGraphs()
    shape = dims(graphs, graphs.input("n", 3, "h", "w"))
    spatial = graphs.add(moves.Slice(axes=(0,), starts=(2,), ends=(ENDLESS,)), Input=shape)
    assert spatial.elements == ("h", "w")
    index = graphs.constant(np.array([0], np.int32))
    first = graphs.add(indexing.Gather(), X=shape, Index=index)
    scalar = graphs.add(shapes.Squeeze2(axes=(0,)), X=first)
    assert (scalar.shape, scalar.elements) == ((), ("n",))
    again = graphs.add(shapes.Unsqueeze2(axes=(0,)), X=scalar)
    joined = graphs.add(moves.Concat(), X=(again, spatial))
    assert joined.elements == ("n", "h", "w")
    turned = graphs.add(moves.Flip(axis=(0,)), X=joined)
    assert turned.elements == ("w", "h", "n")
    every = graphs.add(
        moves.StridedSlice(axes=(0,), starts=(0,), ends=(3,), strides=(2,), infer_flags=(1,)),
        Input=turned,
    )
    assert every.elements == ("w", "n")


def test_a_matrix_of_elements_is_not_followed() -> None:
    graphs = TestGraphs()
    shape = dims(graphs, graphs.input("n", 4))
    assert graphs.add(shapes.Reshape2(shape=(2, 1)), X=shape).elements is None
    assert graphs.add(shapes.Unsqueeze2(axes=(0,)), X=shape).elements is None


def test_operands_from_the_run_give_the_dimensions() -> None:
    graphs = TestGraphs()
    x = graphs.input("n", 1)
    shape = dims(graphs, graphs.input("n", "m"))
    assert graphs.add(shapes.Reshape2(), X=x, Shape=shape).shape == ("n", "m")
    assert graphs.add(moves.ExpandV2(), X=x, Shape=shape).shape == ("n", "m")
    assert graphs.add(moves.Tile(), X=x, RepeatTimes=shape).shape == ("n*n", "m")
    assert graphs.add(FillConstant(), ShapeTensor=shape).shape == ("n", "m")
    cuts = [moves.Slice(axes=(0,), starts=(i,), ends=(i + 1,)) for i in (1, 0)]
    parts = [graphs.add(cut, Input=shape) for cut in cuts]
    assert graphs.add(shapes.Reshape2(), X=x, ShapeTensor=parts).shape == ("m", "n")


def test_operands_that_nothing_is_known_of_give_symbols() -> None:
    graphs = TestGraphs()
    x = graphs.input(2, 6)
    shape = graphs.input(3, dtype=DType.INT32)
    assert graphs.add(shapes.Reshape2(), "y", X=x, Shape=shape).shape == ("y.0", "y.1", "y.2")
    unknown = graphs.input("k", dtype=DType.INT32)
    with pytest.raises(ShapeError, match="known length"):
        graphs.add(shapes.Reshape2(), X=x, Shape=unknown)


def test_range_up_to_a_symbol() -> None:
    graphs = TestGraphs()
    size = graphs.add(
        moves.Slice(axes=(0,), starts=(0,), ends=(1,)),
        Input=dims(graphs, graphs.input("n", 4)),
    )
    zero, one = (graphs.constant(np.array([i], np.int32)) for i in (0, 1))
    assert graphs.add(Range(), Start=zero, End=size, Step=one).shape == ("n",)


def test_concat_and_split_of_open_dimensions() -> None:
    graphs = TestGraphs()
    a, b = graphs.input("n", "h"), graphs.input("n", 3)
    joined = graphs.add(moves.Concat(axis=1), X=(a, b))
    assert joined.shape == ("n", "h+3")
    parts = graphs.add_all(moves.Split(axis=1, sections=(3, -1)), X=joined)
    assert [part.shape for part in parts] == [("n", 3), ("n", "h")]
    halves = graphs.add_all(moves.Split(axis=0, num=2), X=graphs.input("n*4", 5))
    assert [half.shape for half in halves] == [("n*2", 5)] * 2


def test_there_must_be_something_to_concatenate() -> None:
    with pytest.raises(ShapeError, match="needs a value in slot 'X'"):
        TestGraphs().add(moves.Concat(), X=())


def test_stack_and_flattened_range() -> None:
    graphs = TestGraphs()
    x = graphs.input("n", 3)
    assert graphs.add(moves.Stack(axis=-1), X=(x, x)).shape == ("n", 3, 2)
    y = graphs.input("n", 3, "h", 5)
    op = shapes.FlattenContiguousRange(start_axis=1, stop_axis=-2)
    assert graphs.add(op, X=y).shape == ("n", "h*3", 5)


def test_matrix_products_broadcast_their_batches() -> None:
    graphs = TestGraphs()
    x, y = graphs.input("n", 1, 3, 4), graphs.input(5, 2, 4)
    other = graphs.input(5, 4, 2)
    assert graphs.add(matmul.MatMulV2(), X=x, Y=other).shape == ("n", 5, 3, 2)
    assert graphs.add(matmul.MatMulV2(trans_y=True), X=x, Y=y).shape == ("n", 5, 3, 2)
    with pytest.raises(ShapeError, match="4 columns meet 2 rows"):
        graphs.add(matmul.MatMulV2(), X=x, Y=y)


def test_mul_and_fc_take_tensors_as_matrices() -> None:
    graphs = TestGraphs()
    x = graphs.input("n", 7, 2, 3)
    weight = graphs.weight(6, 5)
    assert graphs.add(matmul.Mul(x_num_col_dims=2), X=x, Y=weight).shape == ("n", 7, 5)
    fc = matmul.Fc(in_num_col_dims=2)
    assert graphs.add(fc, Input=x, W=weight, Bias=graphs.weight(5)).shape == ("n", 7, 5)
    with pytest.raises(ShapeError, match="bias"):
        graphs.add(fc, Input=x, W=weight, Bias=graphs.weight(6))
    with pytest.raises(ShapeError, match="42 columns meet 6 rows"):
        graphs.add(matmul.Fc(), Input=x, W=weight)


@pytest.mark.parametrize("depth", [0, 3, "k"])
def test_indices_must_fit_the_tensor(depth: Dim) -> None:
    graphs = TestGraphs()
    index = graphs.input(4, depth, dtype=DType.INT64)
    with pytest.raises(ShapeError, match="do not fit"):
        graphs.add(indexing.GatherNd(), X=graphs.input(5, 6), Index=index)


@pytest.mark.parametrize("shape", [(2, 8, 4), (2, 6, 4, 4), (2, "c", 4, 4)], ids=str)
def test_channels_must_divide_into_blocks(shape: Shape) -> None:
    b = TestGraphs()
    with pytest.raises(ShapeError):
        b.add(moves.PixelShuffle(upscale_factor=2), X=b.input(*shape))


@pytest.mark.parametrize(("shape", "group"), [((2, 6, 4), 2), ((2, 6, 4, 4), 4), ((2, 6, 4, 4), 0)])
def test_channels_must_divide_into_the_groups_that_are_shuffled(shape: Shape, group: int) -> None:
    b = TestGraphs()
    with pytest.raises(ShapeError):
        b.add(moves.ShuffleChannel(group=group), X=b.input(*shape))


@pytest.mark.parametrize(
    "op", [reduction.ReduceSum(), reduction.ReduceMax(dim=(0, 3), reduce_all=True)], ids=str
)
def test_axes_that_end_the_runtimes_process_are_refused(op: reduction.Reduction) -> None:
    b = TestGraphs()
    with pytest.raises(ShapeError, match="axis"):
        b.add(op, X=b.input(2, 3, 4))
