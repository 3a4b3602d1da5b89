from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.ir import DType, Operation, ShapeError
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DeformableConv
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.sampling import GridSampler

SHAPES: list[tuple[Operation, tuple[object, ...]]] = [
    (Pool2D("max", (2, 2), (2, 2)), ("n", 4, "(h-2)//2+1", "(w-2)//2+1")),
    (Pool2D("max", (3, 3), (2, 2), ceil_mode=True), ("n", 4, "(h-2)//2+1", "(w-2)//2+1")),
    (Pool2D("max", (3, 3), (1, 1), (1, 1, 1, 1)), ("n", 4, "h", "w")),
    (Pool2D("avg", global_pooling=True), ("n", 4, 1, 1)),
    (Pool2D("avg", (3, 5), adaptive=True), ("n", 4, 3, 5)),
    (Pad2D((1, 2, 0, 3)), ("n", 4, "h+3", "w+3")),
    (NearestInterp(scale=(2.0, 3.0)), ("n", 4, "h*2", "w*3")),
    (BilinearInterp(out_h=7, out_w=9), ("n", 4, 7, 9)),
    (InstanceNorm(), ("n", 4, "h", "w")),
]


@pytest.mark.parametrize(("op", "shape"), SHAPES, ids=str)
def test_symbols_stay_symbols(op: Operation, shape: tuple[object, ...]) -> None:
    b = TestGraphs()
    assert b.add(op, X=b.input("n", 4, "h", "w")).shape == shape


def test_the_size_may_be_an_operand() -> None:
    b = TestGraphs()
    x, size = b.input("n", 4, "h", "w"), b.input(2, name="size", dtype=DType.INT32)
    size.elements = ("p", 5)
    assert b.add(NearestInterp(), X=x, OutSize=size).shape == ("n", 4, "p", 5)


def test_a_scale_that_is_not_whole_leaves_the_size_open() -> None:
    b = TestGraphs()
    height, width = b.add(NearestInterp(scale=(1.5, 2)), X=b.input(1, 2, "h", 5)).shape[2:]
    assert isinstance(height, str)
    assert height != "h"
    assert width == 10


def test_convolutions_count_windows_of_symbols() -> None:
    b = TestGraphs()
    x, weight = b.input("n", 4, "h", 9), b.weight(6, 4, 3, 3)
    op = Conv2D(strides=(2, 1), paddings=(1, 1, 0, 2))
    assert b.add(op, Input=x, Filter=weight).shape == ("n", 6, "(h-1)//2+1", 9)
    spread = Conv2DTranspose(strides=(2, 2), output_padding=(1, 0))
    y = b.add(spread, Input=x, Filter=b.weight(4, 6, 3, 3))
    assert y.shape == ("n", 6, "(h-1)*2+4", 19)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (Pool2D("max", (7, 1)), "does not fit"),
        (Pad2D((0, 6, 0, 0), mode="reflect"), "too small"),
        (Pad2D((-1, 0, 0, 0)), "cannot pad"),
    ],
    ids=str,
)
def test_refuses_what_does_not_fit(op: Operation, reason: str) -> None:
    b = TestGraphs()
    with pytest.raises(ShapeError, match=reason):
        b.add(op, X=b.input(1, 4, 6, 5))


def test_parameters_are_vectors_of_the_right_size() -> None:
    b = TestGraphs()
    x, good, bad = b.input(1, 4, 6, 5), b.weight(4), b.weight(5)
    with pytest.raises(ShapeError, match="Mean must be a vector of 4"):
        b.add(BatchNorm(), X=x, Scale=good, Bias=good, Mean=bad, Variance=good)
    with pytest.raises(ShapeError, match="Scale must be a vector of 5"):
        b.add(LayerNorm(begin_norm_axis=3), X=x, Scale=good, Bias=bad)
    with pytest.raises(ShapeError, match="from axis 0"):
        b.add(LayerNorm(begin_norm_axis=0), X=x, Scale=good, Bias=bad)
    with pytest.raises(ShapeError, match="a grid"):
        b.add(GridSampler(), X=x, Grid=b.input(1, 2, 3, 3))


def test_deformed_taps_need_offsets_and_weights_for_each_place() -> None:
    b = TestGraphs()
    x, weight = b.input("n", 4, "h", "w"), b.weight(2, 4, 3, 3)
    offset, mask = b.input("n", 18, "p", "q"), b.input("n", 9, "p", "q")
    op = DeformableConv(paddings=(1, 1))
    y = b.add(op, Input=x, Filter=weight, Offset=offset, Mask=mask)
    assert y.shape == ("n", 2, "h", "w")
    with pytest.raises(ShapeError, match=r"Mask is .* it needs 9 channels"):
        b.add(op, Input=x, Filter=weight, Offset=offset, Mask=offset)
    with pytest.raises(ShapeError, match="Offset is"):
        b.add(op, Input=x, Filter=weight, Offset=b.input("n", 18, "p"), Mask=mask)


def test_group_norm_keeps_symbols_and_needs_channels_that_divide() -> None:
    b = TestGraphs()
    x, scale = b.input("n", 4, "h", "w"), b.weight(4)
    assert b.add(GroupNorm(groups=2), X=x, Scale=scale, Bias=scale).shape == x.shape
    with pytest.raises(ShapeError, match="3 groups"):
        b.add(GroupNorm(groups=3), X=x, Scale=scale, Bias=scale)
