from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.reduction import Softmax
from opt_tool.passes.lower_softmax import LowerSoftmax
from opt_tool.targets import LiteVersion


@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 5, 3), 1), ((2, 5, 3, 4), -3), ((7, 2), 0)], ids=str
)
def test_turns_an_inner_axis_to_the_end(shape: tuple[int, ...], axis: int) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Softmax(axis=axis), X=b.input(*shape)))
    assert_rewrites(LowerSoftmax(), graph, 1)
    assert ops(graph) == [Transpose2, Softmax, Transpose2]


@pytest.mark.parametrize(("shape", "axis"), [((2, 5), 1), ((2, 5, 1, 1), 1)], ids=str)
def test_keeps_an_axis_with_nothing_behind_it(shape: tuple[int, ...], axis: int) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Softmax(axis=axis), X=b.input(*shape)))
    assert_rewrites(LowerSoftmax(), graph, 0)


@pytest.mark.official
def test_the_official_runtime_computes_rows_far_below_the_highest(tmp_path: Path) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Softmax(axis=1), X=b.input(1, 5, 3)))
    lower(graph, "x86", "2.13")
    paddle_lite.write(graph, tmp_path / "softmax.nb", version=LiteVersion.parse("2.13"))
    x = np.random.default_rng(0).standard_normal((1, 5, 3)).astype(np.float32)
    x += np.array([0, -70, -200], np.float32)
    ((y,),) = official_runtime.run(tmp_path / "softmax.nb", [[x]])
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(y, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)
