from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType, Graph, Operation, Value, verify
from opt_tool.ir.operations.activation import HardSwish, PRelu, Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.creation import TrilTriu
from opt_tool.ir.operations.data_movement import (
    Concat,
    Flip,
    Slice,
    Split,
    StridedSlice,
    Transpose2,
)
from opt_tool.ir.operations.elementwise import (
    Cast,
    Clip,
    ElementwiseAdd,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.reduction import (
    ArgMax,
    CumSum,
    ReduceMax,
    ReduceMean,
    Softmax,
    TopKV2,
)
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.change_layout import ChangeLayout

LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
ENDLESS = 2**31 - 1


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def last(b: TestGraphs, x: Value | None = None) -> Value:
    """Channels last, as TensorFlow computes between two convolutions: (2, 5, 6, 4)."""
    x = b.add(Tanh(), X=b.input(2, 4, 5, 6)) if x is None else x
    return b.add(Transpose2(axis=LAST), X=x)


def first(b: TestGraphs, x: Value) -> Value:
    return b.add(Tanh(), X=b.add(Transpose2(axis=FIRST), X=x))


def transposes(graph: Graph) -> int:
    return ops(graph).count(Transpose2)


def sliced(**fields: tuple[int, ...]) -> Operation:
    return Slice(infer_flags=(1,) * len(fields["axes"]), **fields)


OPERATIONS = [
    Relu(),
    HardSwish(),
    Scale(scale=2.0, bias=1.0),
    Clip(min=-0.5, max=0.5),
    Flip(axis=(2, 3)),
    Softmax(axis=-1),
    Softmax(axis=1),
    CumSum(axis=2),
    Split(axis=3, num=2),
    TopKV2(k=2, axis=3),
    ReduceMean(dim=(1, 2), keep_dim=True),
    ReduceMax(dim=(-1,), keep_dim=True),
    StridedSlice(axes=(1, 3), starts=(0, 1), ends=(5, 4), strides=(2, 1), infer_flags=(1, 1)),
]


@pytest.mark.parametrize("op", OPERATIONS, ids=repr)
def test_leaves_no_transpose_around_what_works_in_any_order(b: TestGraphs, op: Operation) -> None:
    slot = op.inputs[0].name
    graph = b.build(first(b, b.add(op, **{slot: last(b)})))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


def test_slices_the_axis_that_it_sliced(b: TestGraphs) -> None:
    op = sliced(axes=(-1, 1), starts=(1, 0), ends=(ENDLESS, -2))
    graph = b.build(first(b, b.add(op, Input=last(b))))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


@pytest.mark.parametrize("shape", [(4,), (6, 4), (1, 5, 1, 1), (2, 5, 6, 4), (), (1,)], ids=str)
@pytest.mark.parametrize("swap", [True, False])
def test_moves_the_elements_of_constants(b: TestGraphs, shape: tuple[int, ...], swap: bool) -> None:
    x, y = last(b), b.positive(*shape)
    x = b.add(ElementwiseSub(), X=y, Y=x) if swap else b.add(ElementwiseSub(), X=x, Y=y)
    graph = b.build(first(b, x))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


def test_places_a_constant_that_stands_at_an_axis(b: TestGraphs) -> None:
    x = b.add(ElementwiseAdd(axis=1), X=last(b), Y=b.weight(5, 6))
    assert_rewrites(ChangeLayout(), b.build(first(b, x)), 1)


def test_goes_through_a_residual_block(b: TestGraphs) -> None:
    x = b.add(Relu(), X=last(b))
    inner = b.add(Conv2D(), Input=b.add(Transpose2(axis=FIRST), X=x), Filter=b.weight(4, 4, 1, 1))
    y = b.add(ElementwiseAdd(), X=x, Y=last(b, inner))
    graph = b.build(first(b, b.add(Concat(axis=3), X=[y, x, b.weight(2, 5, 6, 1)])))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


def test_leaves_the_parameters_of_operations_with_channels_alone(b: TestGraphs) -> None:
    swapped = (0, 1, 3, 2)
    parameters = {slot: b.weight(4) for slot in ("Scale", "Bias", "Mean")}
    x = b.add(Transpose2(axis=swapped), X=b.add(Tanh(), X=b.input(2, 4, 5, 6)))
    x = b.add(BatchNorm(), X=x, **parameters, Variance=b.positive(4))
    x = b.add(PRelu(mode="channel"), X=x, Alpha=b.weight(4))
    graph = b.build(b.add(Tanh(), X=b.add(Transpose2(axis=swapped), X=x)))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


@pytest.mark.parametrize("op", [ReduceMean(dim=(1, 2)), ReduceMax(dim=(1, 2, 3))], ids=repr)
def test_reduces_away_the_axes_that_are_moved(b: TestGraphs, op: Operation) -> None:
    x = b.add(op, "reduced", X=b.add(Relu(), X=last(b)))
    graph = b.build(b.add(Tanh(), X=x))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0
    assert [node.output.name for node in graph.nodes][-2] == "reduced"


def test_finds_the_place_of_the_largest(b: TestGraphs) -> None:
    graph = b.build(b.add(ArgMax(axis=3), X=b.add(Relu(), X=last(b))))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


def test_takes_one_large_transpose_for_two(b: TestGraphs) -> None:
    parts = [b.add(Transpose2(axis=LAST), X=b.input(1, 2, 5, 6)) for _ in range(3)]
    graph = b.build(b.add(Tanh(), X=b.add(Concat(axis=3), X=parts)))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert ops(graph) == [Concat, Tanh, Transpose2]


def test_takes_the_smaller_transpose(b: TestGraphs) -> None:
    x = b.add(Transpose2(axis=(1, 0, 2)), X=b.input(3, 4, 5))
    graph = b.build(b.add(ReduceMax(dim=(1,), keep_dim=True), X=x))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert ops(graph) == [ReduceMax, Transpose2]


def test_moves_the_normalization_of_pictures_behind_the_transpose(b: TestGraphs) -> None:
    x = b.add(ElementwiseMul(), X=b.input(2, 5, 6, 4), Y=b.weight(4))
    graph = b.build(first(b, x))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert ops(graph) == [Transpose2, ElementwiseMul, Tanh]


def test_keeps_names(b: TestGraphs) -> None:
    x = b.add(Relu(), "between", X=last(b))
    y = b.add(Transpose2(axis=FIRST), "front", X=x)
    graph = b.build(b.add(Tanh(), "end", X=y))
    ChangeLayout().run(graph)
    assert [node.output.name for node in graph.nodes][1:] == ["front", "end"]
    verify(graph)


def test_outputs_keep_names_and_order(b: TestGraphs) -> None:
    x = b.add(Relu(), "seen", X=last(b))
    y = b.add(Transpose2(axis=FIRST), "front", X=x)
    z = b.add(ElementwiseAdd(), X=x, Y=last(b))
    graph = b.build(y, x, first(b, z))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert [value.name for value in graph.outputs][:2] == ["front", "seen"]


def test_an_output_keeps_its_name_beside_an_equal_tensor(b: TestGraphs) -> None:
    x = b.add(Relu(), X=last(b))
    inner = b.add(Transpose2(axis=FIRST), "inner", X=x)
    outer = b.add(Transpose2(axis=FIRST), "outer", X=x)
    graph = b.build(outer, b.add(Tanh(), "end", X=inner))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert [value.name for value in graph.outputs] == ["outer", "end"]


# ---- what stays


def test_keeps_one_transpose_at_the_input(b: TestGraphs) -> None:
    x = b.add(Relu(), X=b.add(Transpose2(axis=FIRST), X=b.input(2, 5, 6, 4)))
    assert_rewrites(ChangeLayout(), b.build(x), 0)


def test_keeps_a_softmax_of_the_last_axis_where_nothing_is_gained(b: TestGraphs) -> None:
    assert_rewrites(ChangeLayout(), b.build(b.add(Softmax(axis=3), X=last(b))), 0)


def test_keeps_what_would_take_more_transposes(b: TestGraphs) -> None:
    x = b.add(ElementwiseAdd(), X=last(b), Y=b.input(2, 5, 6, 4, name="y"))
    assert_rewrites(ChangeLayout(), b.build(x, b.add(Relu(), X=x)), 0)


@pytest.mark.parametrize("op", [Reshape2(shape=(2, 30, 4)), TrilTriu()], ids=repr)
def test_keeps_operations_that_want_their_order(b: TestGraphs, op: Operation) -> None:
    x = b.add(op, X=last(b))
    assert_rewrites(ChangeLayout(), b.build(x), 0)


def test_keeps_the_slopes_of_channels_that_are_not_last(b: TestGraphs) -> None:
    x = b.add(PRelu(mode="channel"), X=last(b), Alpha=b.weight(5))
    assert_rewrites(ChangeLayout(), b.build(first(b, x)), 0)


def test_keeps_a_reduction_that_leaves_its_axes_out_of_order(b: TestGraphs) -> None:
    x = b.add(ReduceMean(dim=(1,)), X=last(b))
    assert_rewrites(ChangeLayout(), b.build(x), 0)


def test_keeps_an_operand_of_fewer_dimensions(b: TestGraphs) -> None:
    x = b.add(ElementwiseAdd(), X=last(b), Y=b.input(4, name="bias"))
    assert_rewrites(ChangeLayout(), b.build(first(b, x)), 0)


def test_casts_in_any_order(b: TestGraphs) -> None:
    x = b.add(Transpose2(axis=LAST), X=b.input(2, 4, 5, 6, dtype=DType.INT32))
    x = b.add(Cast(in_dtype=DType.INT32, out_dtype=DType.FLOAT32), X=x)
    graph = b.build(first(b, b.add(Sigmoid(), X=x)))
    assert_rewrites(ChangeLayout(), graph, 1)
    assert transposes(graph) == 0


def test_many_regions_take_time_in_proportion(b: TestGraphs) -> None:
    x = b.add(Tanh(), X=b.input(1, 2, 3, 3))
    for _ in range(400):
        x = b.add(Transpose2(axis=FIRST), X=b.add(Relu(), X=last(b, x)))
        x = b.add(Conv2D(), Input=x, Filter=b.weight(2, 2, 1, 1))
    graph = b.build(x)
    assert ChangeLayout().run(graph).changes == 400
    assert transposes(graph) == 0


@pytest.mark.parametrize("interpolate", [NearestInterp, BilinearInterp])
def test_leaves_no_transpose_around_a_resize_between_sums(
    b: TestGraphs, interpolate: type[NearestInterp | BilinearInterp]
) -> None:
    before = b.add(Transpose2(axis=FIRST), X=b.add(Relu(), X=last(b)))
    grown = b.add(interpolate(out_h=10, out_w=12), X=before)
    y = b.add(ElementwiseAdd(), X=last(b, grown), Y=b.weight(4))
    graph = b.build(first(b, y))
    assert_rewrites(ChangeLayout(), graph, 2)
    assert transposes(graph) == 0
