from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, assert_rewrites, feeds, ops, run
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Dim, Value
from opt_tool.ir.operations.activation import Relu, Tanh
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, Pads
from opt_tool.ir.operations.data_movement import Slice, StridedSlice
from opt_tool.passes.fold_crop import FoldCrop
from opt_tool.targets import LiteVersion

ENDLESS = 2**31 - 1
STRIDED = Conv2DTranspose(strides=(2, 2), paddings=(0, 1, 0, 0), activation=Relu())


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def grown(
    b: TestGraphs, op: Conv2DTranspose = STRIDED, size: tuple[Dim, Dim] = (4, 5), kernel: int = 4
) -> Value:
    """Planes of 9 x 12 where the size is known."""
    weight = b.weight(6, 4 // op.groups, kernel, kernel)
    return b.add(op, Input=b.input(2, 6, *size), Filter=weight, Bias=b.weight(4))


def cropped(b: TestGraphs, x: Value, **fields: tuple[int, ...]) -> Value:
    return b.add(Slice(infer_flags=(1,) * len(fields["axes"]), **fields), Input=x)


@pytest.mark.parametrize(
    ("axes", "starts", "ends", "paddings"),
    [
        ((2, 3), (1, 0), (-1, 11), (1, 2, 0, 1)),
        ((2,), (0,), (8,), (0, 2, 0, 0)),
        ((-1,), (3,), (ENDLESS,), (0, 1, 3, 0)),
        ((1, 3), (0, 0), (4, -2), (0, 1, 0, 2)),
        ((3,), (-10,), (99,), (0, 1, 2, 0)),
    ],
    ids=str,
)
def test_folds_what_a_slice_cuts_off(
    b: TestGraphs,
    axes: tuple[int, ...],
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    paddings: Pads,
) -> None:
    graph = b.build(cropped(b, grown(b), axes=axes, starts=starts, ends=ends))
    assert_rewrites(FoldCrop(), graph, 1)
    (node,) = graph.nodes
    assert isinstance(node.op, Conv2DTranspose)
    assert node.op.paddings == paddings


def test_folds_into_groups_and_dilated_filters(b: TestGraphs) -> None:
    op = Conv2DTranspose(strides=(2, 1), dilations=(1, 2), groups=2)
    graph = b.build(cropped(b, grown(b, op, kernel=3), axes=(2, 3), starts=(2, 1), ends=(7, 6)))
    assert_rewrites(FoldCrop(), graph, 1)


def test_folds_a_slice_with_strides_of_1(b: TestGraphs) -> None:
    op = StridedSlice(axes=(2,), starts=(1,), ends=(-1,), strides=(1,), infer_flags=(1,))
    assert_rewrites(FoldCrop(), b.build(b.add(op, Input=grown(b))), 1)


@pytest.mark.parametrize("end", [-1, ENDLESS])
def test_folds_margins_of_sizes_that_only_the_run_knows(b: TestGraphs, end: int) -> None:
    graph = b.build(cropped(b, grown(b, size=("h", "w")), axes=(3,), starts=(1,), ends=(end,)))
    assert FoldCrop().run(graph).changes == 1
    (node,) = graph.nodes
    assert isinstance(node.op, Conv2DTranspose)
    assert node.op.paddings == (0, 1, 1, 1 if end == -1 else 0)


# ---- what stays


@pytest.mark.parametrize(
    ("axes", "starts", "ends"),
    [((1,), (0,), (3,)), ((0,), (0,), (1,)), ((2,), (4,), (9,)), ((3,), (0,), (8,))],
    ids=str,
)
def test_keeps_other_axes_and_more_than_a_filter_reaches(
    b: TestGraphs, axes: tuple[int, ...], starts: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    graph = b.build(cropped(b, grown(b), axes=axes, starts=starts, ends=ends))
    assert_rewrites(FoldCrop(), graph, 0)


def test_keeps_every_second_element(b: TestGraphs) -> None:
    op = StridedSlice(axes=(2,), starts=(1,), ends=(9,), strides=(2,), infer_flags=(1,))
    assert_rewrites(FoldCrop(), b.build(b.add(op, Input=grown(b))), 0)


@pytest.mark.parametrize(("start", "end"), [(0, 8), (-3, ENDLESS)])
def test_keeps_bounds_of_open_sizes(b: TestGraphs, start: int, end: int) -> None:
    graph = b.build(cropped(b, grown(b, size=("h", "w")), axes=(3,), starts=(start,), ends=(end,)))
    assert FoldCrop().run(graph).changes == 0


def test_keeps_what_is_read_twice_and_what_is_an_output(b: TestGraphs) -> None:
    first, second = grown(b), grown(b)
    graph = b.build(
        cropped(b, first, axes=(2,), starts=(1,), ends=(9,)),
        b.add(Tanh(), X=first),
        cropped(b, second, axes=(2,), starts=(1,), ends=(9,)),
        second,
    )
    assert_rewrites(FoldCrop(), graph, 0)


def test_keeps_an_output_padding_and_other_layers(b: TestGraphs) -> None:
    op = Conv2DTranspose(strides=(2, 2), output_padding=(1, 1))
    conv = b.add(Conv2D(), Input=b.input(2, 4, 6, 6), Filter=b.weight(4, 4, 3, 3))
    graph = b.build(
        cropped(b, grown(b, op), axes=(2,), starts=(1,), ends=(9,)),
        cropped(b, conv, axes=(2,), starts=(1,), ends=(4,)),
    )
    assert_rewrites(FoldCrop(), graph, 0)


@pytest.mark.official
@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_the_official_runtime_cuts_the_same(b: TestGraphs, tmp_path: Path, kernel: int) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    conv = grown(b, Conv2DTranspose(strides=(2, 2)), kernel=kernel)
    graph = b.build(cropped(b, conv, axes=(2, 3), starts=(1, 0), ends=(-1, -1)))
    fed = feeds(graph)
    (expected,) = run(graph).values()
    lower(graph, "x86", "2.13")
    assert ops(graph) == [Conv2DTranspose]
    paddle_lite.write(graph, tmp_path / "model.nb", version=LiteVersion.V2_13)
    ((actual,),) = official_runtime.run(tmp_path / "model.nb", [list(fed.values())])
    np.testing.assert_allclose(actual, expected, atol=1e-4)
