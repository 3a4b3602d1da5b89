from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.comparison import GreaterThan
from opt_tool.ir.operations.data_movement import Concat, Slice
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.passes.lower_open_rows import LowerOpenRows
from opt_tool.passes.open_lengths import open_lengths
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion, Target

FEEDS = {
    "boxes": np.array([[[0, 0, 1, 1], [2, 2, 3, 3], [4, 0, 5, 1]]], np.float32),
    "scores": np.array([[[0.5, 0.7, 0.6]]], np.float32),
}


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def found(b: TestGraphs) -> tuple[Value, Value]:
    boxes, scores = b.input(1, 3, 4, name="boxes"), b.input(1, 1, 3, name="scores")
    rows, places = b.add_all(MulticlassNms(background_label=-1), BBoxes=boxes, Scores=scores)
    return rows, places


def column(b: TestGraphs, rows: Value, place: int) -> Value:
    op = Slice(axes=(1,), starts=(place,), ends=(place + 1,), decrease_axis=(1,))
    return b.add(op, Input=rows)


def assert_same(before: Graph, target: Target, changes: int) -> None:
    expected = Executor(before).run(FEEDS)
    assert LowerOpenRows(target).run(before).changes == changes
    for (name, actual), wanted in zip(
        Executor(before).run(FEEDS).items(), expected.values(), strict=True
    ):
        assert wanted.size > 2
        np.testing.assert_array_equal(actual, wanted, err_msg=name)


@pytest.mark.parametrize("target", list(Target))
def test_a_column_of_found_rows_keeps_its_axis_until_it_is_squeezed(
    b: TestGraphs, target: Target
) -> None:
    graph = b.build(column(b, found(b)[0], 1))
    assert_same(graph, target, 1)
    assert ops(graph) == [MulticlassNms, Slice, Squeeze2]


def test_columns_of_found_rows_are_joined_by_products_on_arm(b: TestGraphs) -> None:
    rows, _ = found(b)
    parts = [
        b.add(Slice(axes=(1,), starts=(start,), ends=(end,)), Input=rows)
        for start, end in ((2, 6), (1, 2), (0, 1))
    ]
    graph = b.build(b.add(Concat(axis=1), X=parts))
    assert_same(graph, Target.X86, 0)
    assert open_lengths(graph, Target.X86) == []
    assert len(open_lengths(graph, Target.ARM)) == 1
    assert_same(graph, Target.ARM, 1)
    assert open_lengths(graph, Target.ARM) == []
    assert [kind for kind in ops(graph) if kind in (Concat, Fc)] == [Fc] * 3


def test_columns_of_whole_numbers_are_joined_too(b: TestGraphs) -> None:
    _, places = found(b)
    shifted = b.add(Scale(bias=7.0), X=places)
    both = b.add(Concat(axis=1), X=[places, shifted])
    graph = b.build(b.add(Concat(axis=-1), X=[shifted, both]))
    assert_same(graph, Target.ARM, 2)
    assert open_lengths(graph, Target.ARM) == []
    assert Concat not in ops(graph)


def test_keeps_rows_that_are_there(b: TestGraphs) -> None:
    rows, places = found(b)
    true = b.add(GreaterThan(), X=places, Y=places)
    scores = b.input(3, 4, name="others")
    kept = (
        column(b, scores, 1),
        b.add(Concat(axis=1), X=[scores, scores]),
        b.add(Concat(axis=1), X=[true, true]),
        b.add(Concat(axis=0), X=[rows, rows]),
        b.add(Concat(axis=1), X=[rows]),
    )
    graph = b.build(*kept)
    report = LowerOpenRows(Target.ARM).run(graph)
    assert report.changes == 0
    assert [reason for _, reason in report.kept] == ["an operand is no matrix of numbers"]
    assert ElementwiseAdd not in ops(graph)


@pytest.mark.official
def test_the_official_runtime_finds_nothing_without_an_end(b: TestGraphs, tmp_path: Path) -> None:
    tiers.need_official(("2.13",))
    graph = b.build(column(b, found(b)[0], 1))
    lower(graph, "x86", "2.13")
    paddle_lite.write(graph, tmp_path / "m.nb", version=LiteVersion.parse("2.13"))
    none = [FEEDS["boxes"], -FEEDS["scores"]]
    ((made,),) = official_runtime.run(tmp_path / "m.nb", [none])
    assert made.shape == (0,)
