from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from opt_tool.kernels import interpolation as kernels
from opt_tool.kernels.memory import channels_first, channels_last, lies_channels_last


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("align_mode", [0, 1])
@pytest.mark.parametrize("out_size", [(9, 4), (1, 14), (5, 7)], ids=str)
def test_bilinear_is_a_product_with_a_matrix_on_each_axis(
    align_corners: bool, align_mode: int, out_size: tuple[int, int]
) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    options = {"align_corners": align_corners, "align_mode": align_mode}
    rows = kernels.linear_matrix(5, out_size[0], **options)  # type: ignore[arg-type]  # each fits
    columns = kernels.linear_matrix(7, out_size[1], **options)  # type: ignore[arg-type]
    y = kernels.bilinear(x, out_size=out_size, **options)  # type: ignore[arg-type]
    expected = np.einsum("ph,nchw,qw->ncpq", rows, x, columns)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("out_size", [(10, 14), (3, 9), (5, 7)], ids=str)
@pytest.mark.parametrize("way", ["nearest", "bilinear"])
def test_planes_are_resized_in_every_order(
    way: str, out_size: tuple[int, int], channels: int
) -> None:
    x = np.random.default_rng(1).standard_normal((2, channels, 5, 7)).astype(np.float32)
    resize = partial(getattr(kernels, way), out_size=out_size, align_corners=False)
    if way == "bilinear":
        resize = partial(resize, align_mode=1)
    expected = resize(x)
    turned = channels_first(np.ascontiguousarray(channels_last(x)))
    assert lies_channels_last(resize(turned))
    for array in (x, turned):
        np.testing.assert_array_equal(resize(array), expected)
        for out in (
            np.full(expected.shape, np.nan, np.float32),
            channels_first(np.full((2, *out_size, channels), np.nan, np.float32)),
        ):
            assert resize(array, out=out) is out
            np.testing.assert_array_equal(out, expected)


def test_corners_stay_corners() -> None:
    x = np.array([3.0, 1, 4, 1, 5], np.float32).reshape(1, 1, 1, 5)
    y = kernels.bilinear(x, out_size=(1, 9), align_corners=True, align_mode=1)
    np.testing.assert_allclose(y[0, 0, 0], [3, 2, 1, 2.5, 4, 2.5, 1, 3, 5])


@pytest.mark.parametrize("scale", [2, 3, 7])
def test_whole_scales_repeat_elements(scale: int) -> None:
    taken = kernels.nearest_positions(50, 50 * scale, align_corners=False)
    np.testing.assert_array_equal(taken, np.repeat(np.arange(50), scale))


def test_a_scale_is_taken_at_its_word() -> None:
    by_sizes = kernels.nearest_positions(5, 7, align_corners=False)
    by_scale = kernels.nearest_positions(5, 7, align_corners=False, scale=1.5)
    np.testing.assert_array_equal(by_sizes, [0, 0, 1, 2, 2, 3, 4])
    np.testing.assert_array_equal(by_scale, [0, 0, 1, 2, 2, 3, 4])
    assert kernels.nearest_positions(10, 15, align_corners=False, scale=1.4)[14] == 9
