from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, assert_computes_the_same, assert_rewrites
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Dim, Graph
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.passes.lower_open_conv import LowerOpenConv
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

OPEN = ("height", "width")


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def convolution(
    b: TestGraphs,
    size: tuple[Dim, Dim] = OPEN,
    op: Conv2D | None = None,
    shape: tuple[int, int, int, int] = (8, 4, 3, 3),
) -> Graph:
    op = Conv2D(paddings=(1, 1, 1, 1), activation=Relu()) if op is None else op
    channels = shape[1] * op.groups
    x = b.input(1, channels, *size)
    return b.build(b.add(op, Input=x, Filter=b.weight(*shape), Bias=b.weight(shape[0])))


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pad", [0, 1])
def test_adds_a_channel_where_the_kernel_would_be_compiled(
    b: TestGraphs, kernel: int, stride: int, pad: int
) -> None:
    op = Conv2D(strides=(stride, stride), paddings=(pad,) * 4)
    graph = convolution(b, OPEN, op, (8, 4, kernel, kernel))
    assert LowerOpenConv().run(graph).changes == 1
    conv, part = graph.nodes
    assert conv.input("Filter").shape == (9, 4, kernel, kernel)
    assert isinstance(part.op, Slice)
    assert part.output.shape[1] == 8


@pytest.mark.parametrize("size", [(6, "width"), ("height", 6)], ids=str)
def test_adds_a_channel_where_one_side_is_open(b: TestGraphs, size: tuple[Dim, Dim]) -> None:
    graph = convolution(b, size)
    assert LowerOpenConv().run(graph).changes == 1


def test_a_convolution_without_a_bias_gets_none(b: TestGraphs) -> None:
    graph = b.build(b.add(Conv2D(), Input=b.input(1, 4, *OPEN), Filter=b.weight(8, 4, 3, 3)))
    assert LowerOpenConv().run(graph).changes == 1
    assert not next(graph.nodes).inputs["Bias"]


def test_more_channels_compute_the_same(b: TestGraphs) -> None:
    graph = convolution(b)
    x = np.random.default_rng(0).standard_normal((1, 4, 7, 9)).astype(np.float32)
    assert_computes_the_same(LowerOpenConv().run, graph, fed={"x": x})
    assert LowerOpenConv().run(graph).changes == 0


# ---- what stays


def test_keeps_known_sizes(b: TestGraphs) -> None:
    assert_rewrites(LowerOpenConv(), convolution(b, (6, 7)), 0)


def test_keeps_an_open_batch(b: TestGraphs) -> None:
    x = b.input("batch", 4, 6, 7)
    y = b.add(Conv2D(paddings=(1, 1, 1, 1)), Input=x, Filter=b.weight(8, 4, 3, 3))
    assert_rewrites(LowerOpenConv(), b.build(y), 0)


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Conv2D(), (8, 4, 1, 1)),
        (Conv2D(), (10, 4, 3, 3)),
        (Conv2D(), (8, 4, 3, 5)),
        (Conv2D(groups=2), (8, 2, 3, 3)),
        (DepthwiseConv2D(groups=8), (8, 1, 3, 3)),
        (Conv2D(dilations=(2, 2)), (8, 4, 3, 3)),
        (Conv2D(strides=(3, 3)), (8, 4, 3, 3)),
        (Conv2D(paddings=(0, 1, 0, 1)), (8, 4, 3, 3)),
        (Conv2D(paddings=(2, 2, 2, 2)), (8, 4, 5, 5)),
    ],
    ids=str,
)
def test_keeps_what_other_kernels_run(
    b: TestGraphs, op: Conv2D, shape: tuple[int, int, int, int]
) -> None:
    assert LowerOpenConv().run(convolution(b, OPEN, op, shape)).changes == 0


def test_keeps_a_filter_that_is_computed(b: TestGraphs) -> None:
    x, weight = b.input(1, 4, *OPEN), b.input(8, 4, 3, 3, name="weight")
    graph = b.build(b.add(Conv2D(), Input=x, Filter=weight))
    report = LowerOpenConv().run(graph)
    assert (report.changes, len(report.kept)) == (0, 1)


@pytest.mark.official
def test_the_official_runtime_takes_one_size_after_another(b: TestGraphs, tmp_path: Path) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    graph = convolution(b)
    rng = np.random.default_rng(0)
    sizes = ((20, 24), (9, 13), (31, 40))
    pictures = [rng.standard_normal((1, 4, *size)).astype(np.float32) for size in sizes]
    expected = [next(iter(Executor(graph).run({"x": x}).values())) for x in pictures]
    lower(graph, "x86", "2.13")
    paddle_lite.write(graph, tmp_path / "conv.nb", version=LiteVersion.parse("2.13"))
    results = official_runtime.run(tmp_path / "conv.nb", [[x] for x in pictures])
    for (actual,), wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-4)
