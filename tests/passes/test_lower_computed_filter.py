from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.passes.lower_computed_filter import LowerComputedFilter
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion, Target

CASES: dict[str, tuple[Conv2D, tuple[int, ...], tuple[int, ...]]] = {
    "padded": (Conv2D(paddings=(1, 0, 2, 1)), (1, 3, 7, 6), (4, 3, 3, 3)),
    "strides": (Conv2D(strides=(2, 3)), (2, 3, 9, 11), (4, 3, 3, 2)),
    "dilated groups": (Conv2D(dilations=(2, 1), groups=2), (1, 4, 9, 8), (6, 2, 3, 3)),
    "depthwise": (DepthwiseConv2D(groups=5), (1, 5, 8, 8), (5, 1, 4, 4)),
    "points": (Conv2D(), (1, 3, 4, 5), (4, 3, 1, 1)),
}


def convolution(case: str, *, bias: bool = True) -> Graph:
    op, x, w = CASES[case]
    b = TestGraphs()
    slots: dict[str, Any] = {"Bias": b.constant(np.arange(w[0], dtype=np.float32))} if bias else {}
    return b.build(b.add(op, Input=b.input(*x), Filter=b.input(*w), **slots))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("case", CASES)
def test_multiplies_the_windows(case: str, bias: bool) -> None:
    graph = convolution(case, bias=bias)
    assert_rewrites(LowerComputedFilter(Target.ARM), graph, 1)
    found = ops(graph)
    assert not {Conv2D, DepthwiseConv2D} & set(found)
    assert (Pad2D in found) == (case == "padded")
    assert (Gather in found) == (case != "points")


def test_keeps_filters_that_are_known() -> None:
    b = TestGraphs()
    w = b.constant(np.ones((4, 3, 3, 3), np.float32))
    graph = b.build(b.add(Conv2D(), Input=b.input(1, 3, 7, 6), Filter=w))
    assert_rewrites(LowerComputedFilter(Target.ARM), graph, 0)


def test_x86_takes_computed_filters_of_single_places_as_they_are() -> None:
    assert_rewrites(LowerComputedFilter(Target.X86), convolution("points"), 0)


def test_keeps_inputs_of_open_sizes_and_windows_that_would_fill_the_memory() -> None:
    for shape in ((1, 3, "height", 6), (1, 3, 3000, 3000)):
        b = TestGraphs()
        graph = b.build(b.add(Conv2D(), Input=b.input(*shape), Filter=b.input(4, 3, 3, 3)))
        assert LowerComputedFilter(Target.ARM).run(graph).changes == 0


@pytest.mark.official
@pytest.mark.parametrize("case", CASES)
def test_the_official_runtime_uses_the_filter_of_each_run(tmp_path: Path, case: str) -> None:
    graph = convolution(case)
    expected = Executor(graph)
    shapes = [value.type.static_shape for value in graph.inputs]
    rng = np.random.default_rng(0)
    runs = [[rng.standard_normal(shape, dtype=np.float32) for shape in shapes] for _ in range(2)]
    names = [value.name for value in graph.inputs]
    wanted = [next(iter(expected.run(dict(zip(names, run, strict=True))).values())) for run in runs]
    lower(graph, "x86", "2.13")
    paddle_lite.write(graph, tmp_path / "conv.nb", version=LiteVersion.parse("2.13"))
    for (y,), one in zip(official_runtime.run(tmp_path / "conv.nb", runs), wanted, strict=True):
        np.testing.assert_allclose(y, one, rtol=1e-5, atol=1e-5)
