from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from opt_tool.kernels import convolution as kernels
from opt_tool.kernels import depthwise, pointwise
from opt_tool.kernels.epilogue import Epilogue
from opt_tool.kernels.memory import channels_first, channels_last
from opt_tool.kernels.planes import Geometry, Pads, Pair, pad_spatial
from windows import WINDOWS


def rectify(part: np.ndarray) -> None:
    np.maximum(part, 0, out=part)


def direct(
    x: np.ndarray,
    weight: np.ndarray,
    *,
    strides: Pair,
    paddings: Pads,
    dilations: Pair,
    groups: int,
) -> np.ndarray:
    """The definition, in float64: each output element is a sum over its window."""
    top, bottom, left, right = paddings
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    count, group_channels, height, width = weight.shape
    rows = (padded.shape[2] - dilations[0] * (height - 1) - 1) // strides[0] + 1
    columns = (padded.shape[3] - dilations[1] * (width - 1) - 1) // strides[1] + 1
    y = np.zeros((len(x), count, rows, columns))
    for o, i, r, s in itertools.product(
        range(count), range(group_channels), *map(range, (height, width))
    ):
        channel = o // (count // groups) * group_channels + i
        for p, q in itertools.product(range(rows), range(columns)):
            row, column = p * strides[0] + r * dilations[0], q * strides[1] + s * dilations[1]
            y[:, o, p, q] += padded[:, channel, row, column] * float(weight[o, i, r, s])
    return y


@pytest.mark.parametrize(("kernel", "strides", "paddings", "dilations"), WINDOWS, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_every_way_agrees_with_the_definition(
    kernel: Pair, strides: Pair, paddings: Pads, dilations: Pair, groups: int, multiplier: int
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 4, 6, 7)).astype(np.float32)
    weight = rng.standard_normal((4 * multiplier, 4 // groups, *kernel)).astype(np.float32)
    y = kernels.conv2d(
        x, weight, strides=strides, paddings=paddings, dilations=dilations, groups=groups
    )
    expected = direct(
        x, weight, strides=strides, paddings=paddings, dilations=dilations, groups=groups
    )
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_a_bias_leaves_the_input_alone() -> None:
    x = np.ones((1, 2, 3, 3), np.float32)
    weight = np.ones((2, 2, 1, 1), np.float32)
    y = kernels.conv2d(x, weight, Epilogue.of(np.array([1, 2], np.float32)))
    np.testing.assert_array_equal(y[0, :, 0, 0], [3, 4])
    np.testing.assert_array_equal(x, 1)


@pytest.mark.parametrize("pads", [(1, -1, 0, 2), (-1, -1, -1, -1), (0, 0, 0, 0)], ids=str)
def test_negative_pads_crop(pads: Pads) -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    top, bottom, left, right = pads
    wide = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=5)
    expected = wide[:, :, 2 - top : 5 + bottom, 2 - left : 6 + right]
    np.testing.assert_array_equal(pad_spatial(x, pads, 5.0), expected)


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (3, 45), (2, 43), (9, 41)], ids=str)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 3)], ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (5, 2)], ids=str)
def test_depthwise_blocks_of_any_width_agree_with_the_definition(
    size: Pair, strides: Pair, kernel: Pair
) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 3, *size))
    weight, bias = rng.standard_normal((3, 1, *kernel)), rng.standard_normal(3)
    paddings, dilations = (4, 4, 2, 1), (2, 1)
    y = kernels.conv2d(
        x,
        weight,
        Epilogue.of(bias),
        strides=strides,
        paddings=paddings,
        dilations=dilations,
        groups=3,
    )
    expected = direct(x, weight, strides=strides, paddings=paddings, dilations=dilations, groups=3)
    np.testing.assert_allclose(y, expected + bias[:, None, None], rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [2, 3, 5])
def test_depthwise_taps_lie_apart(stride: int, dilation: int) -> None:
    rng = np.random.default_rng(9)
    x, weight = rng.standard_normal((2, 3, 17, 19)), rng.standard_normal((3, 1, 3, 3))
    geometry = {"strides": (2, stride), "paddings": (2, 1, 3, 4), "dilations": (3, dilation)}
    y = kernels.conv2d(x, weight, groups=3, **geometry)  # type: ignore[arg-type]  # by name
    expected = direct(x, weight, groups=3, **geometry)  # type: ignore[arg-type]  # by name
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("count", "channels", "places"), [(1, 9, 1), (56, 96, 56), (320, 16, 320), (56, 300, 14)]
)
def test_rows_are_cut_into_parts_of_about_the_same_length(
    count: int, channels: int, places: int
) -> None:
    assert depthwise.places_at_once(count, channels) == places


def test_rows_of_many_channels_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    x, weight = rng.standard_normal((1, 5, 13, 23)), rng.standard_normal((5, 1, 3, 4))
    monkeypatch.setattr(depthwise, "ROW_ELEMENTS", 40)
    monkeypatch.setattr(depthwise, "BLOCK_BYTES", 3000)
    assert depthwise.places_at_once(10, 5) == 10
    for strides in ((1, 1), (2, 2), (2, 3)):
        geometry = {"strides": strides, "paddings": (1, 2, 0, 3), "dilations": (2, 1)}
        y = kernels.conv2d(x, weight, groups=5, **geometry)  # type: ignore[arg-type]  # by name
        expected = direct(x, weight, groups=5, **geometry)  # type: ignore[arg-type]  # by name
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 1)], ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (1, 5), (7, 2)], ids=str)
@pytest.mark.parametrize("dilation", [1, 3])
def test_long_rows_are_laid_out_once(kernel: Pair, strides: Pair, dilation: int) -> None:
    rng = np.random.default_rng(5)
    x, weight = rng.standard_normal((2, 3, 9, 150)), rng.standard_normal((4, 3, *kernel))
    bias, geometry = rng.standard_normal(4), {"strides": strides, "dilations": (1, dilation)}
    paddings = (4, 0, 2, 3)
    y = kernels.conv2d(x, weight, Epilogue.of(bias), paddings=paddings, **geometry)  # type: ignore[arg-type]  # by name
    assert kernels.goes_by_rows(3, y.shape[3], (1, dilation), 1)
    assert not kernels.goes_by_rows(3, y.shape[3], (2, 1), 1)
    expected = direct(x, weight, paddings=paddings, groups=1, **geometry)
    np.testing.assert_allclose(y, expected + bias[:, None, None], rtol=0, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)], ids=str)
@pytest.mark.parametrize("size", [(5, 7), (13, 61)], ids=str)
def test_the_order_of_the_input_in_memory_does_not_matter(
    size: Pair, kernel: Pair, groups: int
) -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 6, *size))
    weight = rng.standard_normal((12 if groups < 6 else 6, 6 // groups, *kernel))
    turned = channels_first(np.ascontiguousarray(channels_last(x)))
    backwards = x[:, ::-1, ::-1, ::-1].copy()[:, ::-1, ::-1, ::-1]
    expected = kernels.conv2d(x, weight, groups=groups, strides=(2, 1))
    assert channels_last(expected).flags.c_contiguous
    for same in (turned, backwards):
        y = kernels.conv2d(same, weight, groups=groups, strides=(2, 1))
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 300, 31, 37), (8, 300, 1, 1)),
        ((1, 64, 40, 40), (8, 64, 3, 3)),
        ((1, 3, 300, 60), (8, 3, 3, 3)),
    ],
    ids=["pointwise", "windows", "rows"],
)
def test_parts_of_a_plane_are_put_together(
    monkeypatch: pytest.MonkeyPatch, shapes: tuple[tuple[int, ...], ...]
) -> None:
    rng = np.random.default_rng(2)
    x, weight = (rng.standard_normal(shape) for shape in shapes)
    bias = rng.standard_normal(8)
    out = channels_first(np.full((1, x.shape[2], x.shape[3], 8), np.nan))
    monkeypatch.setattr(pointwise, "OUTPUT_BYTES", 30_000)
    monkeypatch.setattr(kernels, "ROWS_BYTES", 30_000)
    padding = weight.shape[2] // 2
    y = kernels.conv2d(
        x,
        weight,
        Epilogue.of(bias, rectify),
        paddings=(padding,) * 4,
        out=out,
    )
    plain = kernels.direct_conv2d(x, weight, bias, paddings=(padding,) * 4)
    assert y is out
    np.testing.assert_allclose(y, np.maximum(plain, 0), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("kernel", "strides", "paddings", "dilations"), WINDOWS, ids=str)
def test_the_direct_way_agrees_with_the_definition(
    kernel: Pair, strides: Pair, paddings: Pads, dilations: Pair
) -> None:
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((2, 4, 6, 7)), rng.standard_normal((6, 2, *kernel))
    geometry = {"strides": strides, "paddings": paddings, "dilations": dilations, "groups": 2}
    y = kernels.direct_conv2d(x, weight, **geometry)  # type: ignore[arg-type]  # by name
    expected = direct(x, weight, **geometry)  # type: ignore[arg-type]  # by name
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 30, 31, 37), (24, 30, 1, 1)),
        ((2, 300, 9, 7), (24, 300, 1, 1)),
        ((2, 64, 30, 40), (24, 64, 3, 3)),
        ((2, 3, 30, 60), (24, 3, 3, 3)),
    ],
    ids=["little", "pointwise", "windows", "rows"],
)
def test_a_residual_is_added_before_the_activation(
    monkeypatch: pytest.MonkeyPatch,
    shapes: tuple[tuple[int, ...], ...],
    biased: bool,
    small: bool,
) -> None:
    rng = np.random.default_rng(7)
    x, weight = (rng.standard_normal(shape) for shape in shapes)
    bias = rng.standard_normal(24) if biased else None
    monkeypatch.setattr(pointwise, "OUTPUT_BYTES", 50_000)
    monkeypatch.setattr(kernels, "ROWS_BYTES", 50_000)
    for module in (kernels, pointwise):
        monkeypatch.setattr(module, "FEWEST_WINDOWS", 100)
    pads = (weight.shape[2] // 2,) * 4
    plain = kernels.direct_conv2d(x, weight, bias, paddings=pads)
    residual = channels_first(rng.standard_normal((2, *plain.shape[2:], 24)))
    expected = np.maximum(plain + residual, 0)
    for added, out in (
        (residual, None),
        (residual.copy(), np.full_like(plain, np.nan)),
        (residual, np.full_like(residual, np.nan)),
        (residual, residual),
    ):
        y = kernels.conv2d(
            x,
            weight,
            Epilogue.of(bias, rectify),
            paddings=pads,
            residual=added,
            small=small,
            out=out,
        )
        assert out is None or y is out
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("width", "elements", "pieces"),
    [(112, 147 * 64, 2), (112, 64, 1), (113, 147 * 64, 1), (300, 147 * 64, 3), (310, 9408, 5)],
)
def test_long_rows_are_cut_intoequal_pieces(width: int, elements: int, pieces: int) -> None:
    assert kernels.equal_pieces(width, elements) == pieces


def test_long_rows_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    x, weight = rng.standard_normal((1, 3, 9, 120)), rng.standard_normal((4, 3, 3, 3))
    whole = kernels.conv2d(x, weight, strides=(2, 2), paddings=(1, 1, 1, 1))
    monkeypatch.setattr(kernels, "SMALL", 2000)
    assert kernels.equal_pieces(60, 27 * 4) == 4
    y = kernels.conv2d(x, weight, strides=(2, 2), paddings=(1, 1, 1, 1), small=True)
    np.testing.assert_allclose(y, whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("count", "fitting", "step"), [(0, 9, 0), (9, 9, 9), (12_544, 5_461, 3_136), (1_022, 500, 341)]
)
def test_places_are_cut_into_equal_parts_where_they_do_not_get_too_small(
    count: int, fitting: int, step: int
) -> None:
    assert pointwise.places_at_once(count, fitting) == step


@pytest.mark.parametrize("shape", [(8, 3, 3, 3), (8, 30, 3, 2)], ids=["rows", "windows"])
def test_what_a_block_takes_does_not_overlap(shape: tuple[int, ...]) -> None:
    geometry = Geometry.of((2, 1), (1, 1), (1, 1, 1, 1))
    blocks = kernels.Blocks.of((20, 50), shape, geometry, groups=1, adds=True)
    memory = np.zeros(blocks.elements, np.int8)
    for space, needed in zip(blocks.spaces(memory), blocks[1:], strict=True):
        assert len(space) >= math.prod(needed) > 0
        space += 1
    assert memory.max() == 1


@pytest.mark.parametrize("channels", [1, 3, 16, 96, 1000, 2049, 3000, 4096, 5000, 9000])
def test_no_row_is_cut_into_longer_parts_than_said(channels: int) -> None:
    longest = depthwise.most_places_at_once(channels)
    found = {depthwise.places_at_once(count, channels) for count in range(1, 12_000)}
    assert max(found) == longest
