from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType
from opt_tool.ir.operations.comparison import Equal
from opt_tool.ir.operations.data_movement import Concat, Split, Transpose2
from opt_tool.ir.operations.elementwise import Cast, ElementwiseMax
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.insert_casts import InsertCasts
from opt_tool.targets import LiteVersion, Target

NEWEST = LiteVersion.V2_13


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def test_moves_bools_as_numbers_that_the_kernel_takes(b: TestGraphs) -> None:
    x, y = (b.input(2, 8, dtype=DType.BOOL) for _ in range(2))
    graph = b.build(b.add(Concat(axis=1), "y", X=(x, y)))
    assert_rewrites(InsertCasts(Target.X86, NEWEST), graph, 1)
    assert ops(graph) == [Cast, Cast, Concat, Cast]
    assert graph.outputs[0].dtype is DType.BOOL
    assert graph.outputs[0].name == "y"
    ChooseKernels(Target.X86, NEWEST).run(graph)


@pytest.mark.parametrize(("dtype", "count"), [(DType.BOOL, 1), (DType.UINT8, 1), (DType.INT8, 0)])
def test_moves_what_a_kernel_of_any_type_does_not_run(
    b: TestGraphs, dtype: DType, count: int
) -> None:
    """ARM's transpose takes any element type by its name, and ends the process with these."""
    graph = b.build(b.add(Transpose2(axis=(1, 0)), X=b.input(2, 8, dtype=dtype)))
    assert_rewrites(InsertCasts(Target.ARM, NEWEST), graph, count)
    assert ops(graph) == ([Cast, Transpose2, Cast] if count else [Transpose2])
    ChooseKernels(Target.ARM, NEWEST).run(graph)


def test_restores_every_output(b: TestGraphs) -> None:
    x = b.input(2, 8, dtype=DType.BOOL)
    graph = b.build(b.add_all(Split(axis=1, num=2), X=x))
    assert_rewrites(InsertCasts(Target.ARM, NEWEST), graph, 1)
    assert ops(graph) == [Cast, Split, Cast, Cast]


def test_leaves_results_alone_that_have_the_right_type(b: TestGraphs) -> None:
    x, y = (b.input(2, 8, dtype=DType.BOOL) for _ in range(2))
    graph = b.build(b.add(Equal(), X=x, Y=y))
    assert_rewrites(InsertCasts(Target.ARM, NEWEST), graph, 1)
    assert ops(graph) == [Cast, Cast, Equal]


def test_widens_where_an_older_version_has_only_the_wider_kernel(b: TestGraphs) -> None:
    graph = b.build(b.add(Transpose2(axis=(1, 0)), X=b.input(2, 8, dtype=DType.INT32)))
    assert_rewrites(InsertCasts(Target.X86, LiteVersion.V2_12), graph, 1)
    assert ops(graph) == [Cast, Transpose2, Cast]


def test_casts_constants_once_and_for_all(b: TestGraphs) -> None:
    bits = b.constant(np.array([[True, False, True]]))
    graph = b.build(b.add(Concat(axis=1), X=(b.input(1, 8, dtype=DType.BOOL), bits)))
    assert_rewrites(InsertCasts(Target.X86, NEWEST), graph, 1)
    assert ops(graph) == [Cast, Concat, Cast]


def test_keeps_what_has_a_kernel(b: TestGraphs) -> None:
    x = b.input(2, 8, dtype=DType.BOOL)
    graph = b.build(b.add(Concat(axis=1), X=(x, x)))
    assert_rewrites(InsertCasts(Target.ARM, NEWEST), graph, 0)


def test_keeps_arithmetic_in_int64_that_float32_cannot_hold(b: TestGraphs) -> None:
    x = b.input(2, 8, dtype=DType.INT64)
    graph = b.build(b.add(ElementwiseMax(), X=x, Y=x))
    assert_rewrites(InsertCasts(Target.ARM, NEWEST), graph, 0)
