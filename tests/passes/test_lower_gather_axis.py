from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import DType, Graph
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.indexing import Gather
from opt_tool.passes.lower_gather_axis import LowerGatherAxis
from opt_tool.targets import LiteVersion

OLDEST_OFFICIAL = "2.10"


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def gathered(b: TestGraphs, axis: int, numbers: list[int]) -> Graph:
    index = b.constant(np.array(numbers, np.int64), "index")
    return b.build(b.add(Gather(axis=axis), X=b.input(2, 5, 4), Index=index))


@pytest.mark.parametrize("axis", [1, 2])
def test_gathers_along_the_first_axis_of_what_is_transposed(b: TestGraphs, axis: int) -> None:
    graph = gathered(b, axis, [3, 0, 1, 1])
    assert_rewrites(LowerGatherAxis(), graph, 1)
    assert ops(graph) == [Transpose2, Gather, Transpose2]
    (gather,) = (node for node in graph.nodes if isinstance(node.op, Gather))
    assert gather.op == Gather(axis=0)


@pytest.mark.parametrize("numbers", [[1], [1, 2, 3]], ids=str)
def test_indices_that_follow_each_other_are_a_slice(b: TestGraphs, numbers: list[int]) -> None:
    graph = gathered(b, 1, numbers)
    assert_rewrites(LowerGatherAxis(), graph, 1)
    assert ops(graph) == [Slice]


def test_small_integers_have_no_slice_everywhere(b: TestGraphs) -> None:
    x = b.input(2, 5, dtype=DType.INT8)
    graph = b.build(b.add(Gather(axis=1), X=x, Index=b.constant(np.array([1]), "index")))
    assert LowerGatherAxis().run(graph).changes == 1
    assert ops(graph) == [Transpose2, Gather, Transpose2]


def test_keeps_gathers_of_rows(b: TestGraphs) -> None:
    assert_rewrites(LowerGatherAxis(), gathered(b, 0, [1, 0]), 0)


@pytest.mark.official(OLDEST_OFFICIAL)
@pytest.mark.parametrize("numbers", [[3, 0, 1, 1], [1, 2]], ids=str)
def test_the_oldest_official_runtime_gathers_along_any_axis(
    b: TestGraphs, tmp_path: Path, numbers: list[int]
) -> None:
    graph = gathered(b, 2, numbers)
    lower(graph, "x86", OLDEST_OFFICIAL)
    path = tmp_path / "m.nb"
    paddle_lite.write(graph, path, version=LiteVersion.parse(OLDEST_OFFICIAL))
    x = np.arange(40, dtype=np.float32).reshape(2, 5, 4)
    ((made,),) = official_runtime.run(path, [[x]], OLDEST_OFFICIAL)
    np.testing.assert_array_equal(made, x[:, :, numbers])
