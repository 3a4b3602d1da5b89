from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, assert_rewrites, feeds, ops, run
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import DType, Graph, Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import PixelShuffle, Transpose2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.recognise_pixel_shuffle import RecognisePixelShuffle
from opt_tool.targets import LiteVersion, Target

ARM = (Target.ARM, LiteVersion.V2_13)
CHANNELS, PLACES = (0, 1, 4, 2, 5, 3), (0, 3, 4, 1, 5, 2)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def spread(
    b: TestGraphs, x: Value, r: int, axis: tuple[int, ...], end: tuple[int, ...] = ()
) -> Value:
    n, c, h, w = x.type.static_shape
    depth = c // (r * r)
    parts = (n, depth, r, r, h, w) if axis[1] == 1 else (n, r, r, depth, h, w)
    turned = b.add(Transpose2(axis=axis), X=b.add(Reshape2(shape=parts), X=x))
    return b.add(Reshape2(shape=end or (n, depth, h * r, w * r)), X=turned)


def convolution(b: TestGraphs, *, bias: bool = True, groups: int = 1) -> Value:
    return b.add(
        Conv2D(activation=Relu(), groups=groups),
        Input=b.input(2, 4, 3, 5),
        Filter=b.weight(12, 4 // groups, 1, 1),
        Bias=b.weight(12) if bias else None,
    )


@pytest.mark.parametrize("r", [2, 3])
def test_recognises_channels_before_places(b: TestGraphs, r: int) -> None:
    graph = b.build(spread(b, b.input(2, 3 * r * r, 4, 5), r, CHANNELS))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 1)
    assert [node.op for node in graph.nodes] == [PixelShuffle(upscale_factor=r)]


@pytest.mark.parametrize("bias", [True, False])
def test_gives_the_filters_of_a_convolution_another_order(b: TestGraphs, bias: bool) -> None:
    graph = b.build(spread(b, convolution(b, bias=bias), 2, PLACES))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 1)
    assert ops(graph) == [Conv2D, PixelShuffle]


def test_one_channel_has_one_order(b: TestGraphs) -> None:
    graph = b.build(spread(b, b.input(2, 4, 3, 5), 2, PLACES))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 1)


# ---- what stays


def test_keeps_places_before_channels_that_no_convolution_makes(b: TestGraphs) -> None:
    graph = b.build(spread(b, b.input(2, 12, 3, 5), 2, PLACES))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 0)


def test_keeps_the_filters_of_groups_and_of_what_is_read_twice(b: TestGraphs) -> None:
    twice = convolution(b)
    graph = b.build(
        spread(b, twice, 2, PLACES),
        b.add(Tanh(), X=twice),
        spread(b, convolution(b, groups=2), 2, PLACES),
    )
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 0)


@pytest.mark.parametrize("axis", [(0, 1, 4, 3, 5, 2), (0, 1, 5, 2, 4, 3)], ids=str)
def test_keeps_another_order_of_the_dimensions(b: TestGraphs, axis: tuple[int, ...]) -> None:
    end = (2, 3, 10, 8) if axis[2] == 5 else ()
    graph = b.build(spread(b, b.input(2, 12, 4, 5), 2, axis, end))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 0)


def test_keeps_another_shape_at_the_end(b: TestGraphs) -> None:
    graph = b.build(spread(b, b.input(2, 12, 4, 5), 2, CHANNELS, (2, 3, 4, 20)))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 0)


def test_keeps_whole_numbers(b: TestGraphs) -> None:
    graph = b.build(spread(b, b.input(2, 12, 4, 5, dtype=DType.INT32), 2, CHANNELS))
    assert_rewrites(RecognisePixelShuffle(*ARM), graph, 0)


def test_keeps_parts_that_something_else_reads(b: TestGraphs) -> None:
    y = spread(b, b.input(2, 12, 4, 5), 2, CHANNELS)
    turned = next(node for node in b.graph.nodes if isinstance(node.op, Transpose2)).output
    assert_rewrites(RecognisePixelShuffle(*ARM), b.build(y, turned), 0)


def small_generator() -> Graph:
    b = TestGraphs()
    return b.build(b.add(Tanh(), X=spread(b, convolution(b), 2, PLACES)))


@pytest.mark.official
def test_the_official_runtime_computes_it(tmp_path: Path) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    graph = small_generator()
    (expected,) = run(graph).values()
    fed = feeds(graph)
    lower(graph, "x86", "2.13")
    assert PixelShuffle in ops(graph)
    paddle_lite.write(graph, tmp_path / "model.nb", version=LiteVersion.V2_13)
    ((actual,),) = official_runtime.run(tmp_path / "model.nb", [list(fed.values())])
    np.testing.assert_allclose(actual, expected, atol=1e-5)
