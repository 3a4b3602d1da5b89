from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opt_tool.kernels import winograd
from opt_tool.kernels.activation import relu
from opt_tool.kernels.cook_toom import Transform
from opt_tool.kernels.epilogue import Epilogue
from opt_tool.kernels.memory import channels_first

TRANSFORMS = {
    "F23": winograd.F23,
    "F43": winograd.F43,
    "F43_LAVIN": winograd.F43_LAVIN,
    "F63": winograd.F63,
}
ERRORS = {"F23": 1e-6, "F43": 7e-6, "F63": 2e-5}
"""The largest error in float32 as a part of the largest output, at 64 to 256 channels."""

ROUNDING = {"F23": 1e-14, "F43": 1e-13, "F43_LAVIN": 2e-13, "F63": 5e-13}
"""The same in float64, where what is left is the rounding of a sum."""


def direct(x: np.ndarray, weight: np.ndarray, pads: tuple[int, int, int, int]) -> np.ndarray:
    """The definition, in float64: each of the nine taps by its shifted input."""
    top, bottom, left, right = pads
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    height, width = padded.shape[2] - 2, padded.shape[3] - 2
    return sum(
        np.einsum(
            "oc,nchw->nohw",
            weight[:, :, row, column].astype(np.float64),
            padded[:, :, row : row + height, column : column + width],
            optimize=True,
        )
        for row in range(3)
        for column in range(3)
    )


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def worst_error(y: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(y - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("channels", [64, 256])
def test_error_stays_below_the_bound(name: str, channels: int) -> None:
    rng = np.random.default_rng(channels)
    x = np.maximum(drawn(rng, (1, channels, 28, 28), "float32"), 0)
    weight = drawn(rng, (channels, channels, 3, 3), "float32") / np.float32(3 * channels**0.5)
    transform = TRANSFORMS[name]
    y = winograd.conv2d(
        x,
        winograd.transform_weights(weight, transform),
        transform=transform,
        paddings=(1, 1, 1, 1),
    )
    assert y.dtype == np.float32
    assert worst_error(y, direct(x, weight, (1, 1, 1, 1))) <= ERRORS[name]


def layers(
    length: int, channels: int
) -> st.SearchStrategy[tuple[tuple[int, int], tuple[int, int]]]:
    """Sizes and numbers of channels; not the largest of both at once, for the time it takes."""
    sizes, numbers = st.integers(1, length), st.integers(1, channels)
    return st.tuples(st.tuples(sizes, sizes), st.tuples(numbers, numbers))


@given(
    name=st.sampled_from(sorted(TRANSFORMS)),
    layer=st.one_of(layers(70, 24), layers(70, 24), layers(9, 300)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    batch=st.integers(1, 3),
    strided=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_agrees_with_the_definition(
    name: str,
    layer: tuple[tuple[int, int], tuple[int, int]],
    pads: tuple[int, int, int, int],
    batch: int,
    strided: bool,
    dtype: str,
    seed: int,
) -> None:
    size, channels = layer
    height, width = (
        max(length, 3 - sum(pad)) for length, pad in zip(size, (pads[:2], pads[2:]), strict=True)
    )
    rng = np.random.default_rng(seed)
    if strided:
        x = drawn(rng, (batch, 2 * channels[0], width, 2 * height), dtype)
        x = x[:, ::2, :, ::-2].swapaxes(2, 3)
    else:
        x = drawn(rng, (batch, channels[0], height, width), dtype)
    weight, bias = (
        drawn(rng, (channels[1], channels[0], 3, 3), dtype),
        drawn(rng, channels[1:], dtype),
    )
    transform = TRANSFORMS[name]
    y = winograd.conv2d(
        x,
        winograd.transform_weights(weight, transform),
        Epilogue.of(bias),
        transform=transform,
        paddings=pads,
    )
    expected = direct(x, weight, pads) + bias.astype(np.float64)[:, None, None]
    assert (y.shape, y.dtype) == (expected.shape, np.dtype(dtype))
    scale = np.abs(direct(np.abs(x), np.abs(weight), pads)).max()
    bound = 3e-5 if dtype == "float32" else ROUNDING[name]
    assert np.abs(y - expected).max() <= bound * scale


@pytest.mark.parametrize("channels", [(1, 300), (300, 1), (129, 257)], ids=str)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_takes_any_number_of_channels(name: str, channels: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    x = drawn(rng, (1, channels[0], 11, 9), "float64")
    weight = drawn(rng, (channels[1], channels[0], 3, 3), "float64")
    transformed = winograd.transform_weights(weight, TRANSFORMS[name])
    y = winograd.conv2d(x, transformed, transform=TRANSFORMS[name])
    assert worst_error(y, direct(x, weight, (0, 0, 0, 0))) < 1e-12


@pytest.mark.parametrize("name", TRANSFORMS)
def test_takes_groups(name: str) -> None:
    rng = np.random.default_rng(1)
    transform: Transform = TRANSFORMS[name]
    x, weight = drawn(rng, (2, 6, 9, 13), "float64"), drawn(rng, (9, 2, 3, 3), "float64")
    transformed = winograd.transform_weights(weight, transform, groups=3)
    y = winograd.conv2d(x, transformed, transform=transform, paddings=(1, 0, 2, 1))
    parts = [
        direct(x[:, 2 * g : 2 * g + 2], weight[3 * g : 3 * g + 3], (1, 0, 2, 1)) for g in range(3)
    ]
    assert worst_error(y, np.concatenate(parts, axis=1)) < 1e-12


def test_negative_pads_crop() -> None:
    rng = np.random.default_rng(2)
    x, weight = drawn(rng, (1, 2, 12, 12), "float64"), drawn(rng, (3, 2, 3, 3), "float64")
    transformed = winograd.transform_weights(weight, winograd.F43)
    y = winograd.conv2d(x, transformed, transform=winograd.F43, paddings=(-2, -1, 1, -3))
    expected = direct(x[:, :, 2:-1, :-3], weight, (0, 0, 1, 0))
    assert worst_error(y, expected) < 1e-12


def test_blocks_of_any_height_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, weight = drawn(rng, (1, 8, 61, 33), "float32"), drawn(rng, (8, 8, 3, 3), "float32")
    transformed = winograd.transform_weights(weight, winograd.F23)
    whole = winograd.conv2d(x, transformed, transform=winograd.F23, paddings=(1, 1, 1, 1))
    monkeypatch.setattr(winograd, "CACHE_BYTES", 1)
    monkeypatch.setattr(winograd, "FEWEST_TILES", 1)
    assert winograd.rows_at_once(8, 8, 31, 17, 4, 4) == 1
    by_row = winograd.conv2d(x, transformed, transform=winograd.F23, paddings=(1, 1, 1, 1))
    np.testing.assert_allclose(by_row, whole, rtol=0, atol=2e-5)


def test_writes_into_the_array_it_is_given_and_activates_it() -> None:
    rng = np.random.default_rng(4)
    x, weight = drawn(rng, (2, 5, 20, 20), "float32"), drawn(rng, (7, 5, 3, 3), "float32")
    transformed = winograd.transform_weights(weight, winograd.F43)
    plain = winograd.conv2d(x, transformed, transform=winograd.F43)
    out = channels_first(np.full((2, 18, 18, 7), np.nan, np.float32))
    y = winograd.conv2d(
        x,
        transformed,
        Epilogue.of(None, lambda block: np.maximum(block, np.float32(0), out=block)),
        transform=winograd.F43,
        out=out,
    )
    assert y is out
    np.testing.assert_array_equal(y, relu(plain))


def test_nothing_that_memory_held_before_reaches_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoilt(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> np.ndarray:
        return np.full(shape, np.nan, dtype)

    monkeypatch.setattr(winograd, "aligned_empty", spoilt)
    x, weight = np.ones((1, 3, 17, 18), np.float32), np.ones((4, 3, 3, 3), np.float32)
    for transform in TRANSFORMS.values():
        transformed = winograd.transform_weights(weight, transform)
        y = winograd.conv2d(x, transformed, transform=transform)
        np.testing.assert_allclose(y, 27, rtol=1e-4)


def test_weights_are_transformed_in_float64() -> None:
    weight = np.random.default_rng(5).standard_normal((3, 2, 3, 3))
    narrow = winograd.transform_weights(weight.astype(np.float32), winograd.F63)
    wide = winograd.transform_weights(weight.astype(np.float32).astype(np.float64), winograd.F63)
    assert narrow.dtype == np.float32
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize("groups", [1, 2])
def test_strips_of_filters_give_the_same(groups: int) -> None:
    rng = np.random.default_rng(9)
    x, weight = drawn(rng, (1, 8, 9, 13), "float64"), drawn(rng, (24, 8 // groups, 3, 3), "float64")
    whole, strips = (
        winograd.transform_weights(weight, winograd.F23, groups=groups, strip=strip)
        for strip in (None, 4)
    )
    assert strips.shape == (4, 4, groups, 6 // groups, 8 // groups, 4)
    expected, y = (winograd.conv2d(x, w, transform=winograd.F23) for w in (whole, strips))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_residual_is_added_before_the_activation(
    monkeypatch: pytest.MonkeyPatch, in_place: bool
) -> None:
    rng = np.random.default_rng(10)
    x, weight = drawn(rng, (2, 5, 21, 20), "float64"), drawn(rng, (7, 5, 3, 3), "float64")
    transformed = winograd.transform_weights(weight, winograd.F43)
    plain = winograd.conv2d(x, transformed, transform=winograd.F43)
    residual = channels_first(drawn(rng, (2, 19, 18, 7), "float64"))
    expected = np.maximum(plain + residual, 0)
    monkeypatch.setattr(winograd, "CACHE_BYTES", 1)
    monkeypatch.setattr(winograd, "FEWEST_TILES", 1)
    y = winograd.conv2d(
        x,
        transformed,
        Epilogue.of(None, lambda block: np.maximum(block, 0, out=block)),
        transform=winograd.F43,
        residual=residual,
        out=residual if in_place else None,
    )
    assert (y is residual) == in_place
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11)
