from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import DType, Graph, Operation
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.creation import Range
from opt_tool.ir.operations.data_movement import Slice, Tile, Transpose2
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import Cast, ElementwiseMul
from opt_tool.ir.operations.indexing import WhereIndex
from opt_tool.ir.operations.shape import Reshape2, Shape
from opt_tool.passes.open_lengths import open_lengths
from opt_tool.targets import LiteVersion, Target

INT64 = DType.INT64


def range_to(b: TestGraphs) -> Graph:
    start, step = (b.constant(np.array([n], np.int64), str(n)) for n in (0, 1))
    return b.build(b.add(Range(), Start=start, End=b.input(1, dtype=INT64, name="x"), Step=step))


def part_to(b: TestGraphs) -> Graph:
    end = b.input(1, dtype=INT64, name="x")
    op = Slice(axes=(0,), starts=(0,), ends=(0,), infer_flags=(-1,))
    held = b.constant(np.arange(6, dtype=np.float32), "held")
    start = b.constant(np.array([0], np.int64), "start")
    return b.build(b.add(op, Input=held, StartsTensor=start, EndsTensor=end))


def indices(b: TestGraphs) -> Graph:
    found = b.add(WhereIndex(), Condition=b.input(3, dtype=INT64, name="x"))
    return b.build(b.add(Transpose2(axis=(1, 0)), X=found))


OPEN = (range_to, part_to, indices)


@pytest.mark.parametrize("graph", OPEN)
def test_finds_what_the_inputs_numbers_give_a_length(graph: Callable[[TestGraphs], Graph]) -> None:
    made = graph(TestGraphs())
    (value,) = open_lengths(made, Target.ARM)
    assert made.is_output(value)


def test_a_length_that_a_computed_shape_gives_is_not_open() -> None:
    b = TestGraphs()
    start, step = (b.constant(np.array([n], np.float32), str(n)) for n in (0, 1))
    half = b.add(Slice(axes=(0,), starts=(2,), ends=(9,)), Input=b.input("length"))
    size = b.add(Shape(), Input=half)
    size = b.add(Cast(in_dtype=size.dtype, out_dtype=DType.FLOAT32), X=size)
    graph = b.build(b.add(Range(), Start=start, End=size, Step=step))
    assert graph.outputs[0].shape == (f"{graph.outputs[0].name}.0",)
    assert open_lengths(graph, Target.ARM) == []


def test_indices_that_are_not_transposed_may_be_none() -> None:
    b = TestGraphs()
    graph = b.build(b.add(WhereIndex(), Condition=b.input(3, dtype=INT64)))
    assert open_lengths(graph, Target.ARM) == []


def test_a_length_that_the_shape_of_an_input_gives_is_not_open() -> None:
    b = TestGraphs()
    start, step = (b.constant(np.array([n], np.int32), str(n)) for n in (0, 1))
    size = b.add(Shape(), Input=b.input("length"))
    cut = b.add(Slice(axes=(0,), starts=(1,), ends=(9,)), Input=b.input("length"))
    graph = b.build(b.add(Range(), Start=start, End=size, Step=step), cut)
    assert open_lengths(graph, Target.ARM) == []


@pytest.mark.official
@pytest.mark.parametrize("graph", OPEN)
def test_the_official_runtime_fails_where_nothing_is_left(
    graph: Callable[[TestGraphs], Graph], tmp_path: Path
) -> None:
    made = graph(TestGraphs())
    lower(made, "x86", "2.13")
    path = tmp_path / "open.nb"
    paddle_lite.write(made, path, version=LiteVersion.parse("2.13"))
    (value,) = made.inputs
    some, none = (np.full(value.type.static_shape, number, np.int64) for number in (2, 0))
    ((y,),) = official_runtime.run(path, [[some]])
    assert y.size > 0
    with pytest.raises(official_runtime.OfficialRuntimeError, match=r"SIG|negative dimensions"):
        official_runtime.run(path, [[none]])


@pytest.mark.parametrize(
    ("op", "fails"),
    [
        (Transpose2(axis=(1, 0)), True),
        (Reshape2(shape=(-1,)), True),
        (Reshape2(shape=(0, 2, 3)), False),
        (Tile(repeat_times=(1, 2)), True),
        (Slice(axes=(1,), starts=(0,), ends=(1,), decrease_axis=(1,)), True),
        (Slice(axes=(1,), starts=(0,), ends=(1,)), False),
        (Relu(), False),
    ],
    ids=repr,
)
def test_names_what_fails_where_no_box_was_found(op: Operation, fails: bool) -> None:
    b = TestGraphs()
    boxes, scores = b.input(1, 3, 4), b.input(1, 1, 3)
    rows, _ = b.add_all(MulticlassNms(), BBoxes=boxes, Scores=scores)
    first = b.add(Slice(axes=(0,), starts=(0,), ends=(2,)), Input=rows)  # has its own dimension
    made = b.add(op, **{op.inputs[0].name: first})
    assert open_lengths(b.build(made), Target.X86) == [made] * fails


def test_operands_that_broadcast_fail_where_no_box_was_found() -> None:
    b = TestGraphs()
    boxes, scores = b.input(1, 3, 4), b.input(1, 1, 3)
    rows, _ = b.add_all(MulticlassNms(), BBoxes=boxes, Scores=scores)
    same = b.add(ElementwiseMul(), X=rows, Y=rows)
    made = b.add(ElementwiseMul(), X=same, Y=b.weight(1, 6))
    assert open_lengths(b.build(made), Target.X86) == [made]
