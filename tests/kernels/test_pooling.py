from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import pooling as kernels
from opt_tool.kernels.memory import channels_first, channels_last


def windows(size: int, count: int) -> list[slice]:
    """How adaptive pooling shares an axis out."""
    return [slice(i * size // count, -((i + 1) * size // -count)) for i in range(count)]


@pytest.mark.parametrize("out_size", [(1, 1), (3, 2), (5, 7), (4, 3)], ids=str)
def test_adaptive_windows_share_the_plane_out(out_size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    rows, columns = (windows(n, count) for n, count in zip(x.shape[2:], out_size, strict=True))
    maxima = kernels.adaptive_pool2d(x, reduce=np.maximum, out_size=out_size)
    sums = kernels.adaptive_pool2d(x, reduce=np.add, out_size=out_size)
    counts = np.outer(
        kernels.adaptive_counts(5, out_size[0]), kernels.adaptive_counts(7, out_size[1])
    )
    for p, row in enumerate(rows):
        for q, column in enumerate(columns):
            window = x[:, :, row, column]
            np.testing.assert_array_equal(maxima[:, :, p, q], window.max(axis=(2, 3)))
            mean = sums[:, :, p, q] / counts[p, q]
            np.testing.assert_allclose(mean, window.mean(axis=(2, 3)), rtol=1e-5, atol=1e-6)


def test_pads_never_win_a_maximum() -> None:
    x = np.full((1, 1, 3, 3), -7, np.float32)
    options = {"ksize": (3, 3), "strides": (1, 1), "paddings": (1, 1, 1, 1), "out_size": (3, 3)}
    np.testing.assert_array_equal(kernels.max_pool2d(x, **options), x)  # type: ignore[arg-type]  # each fits


@pytest.mark.parametrize("ksize", [(1, 1), (2, 3), (5, 4)], ids=str)
@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (6, 5)], ids=str)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_windows_are_reduced_as_they_are_defined(
    monkeypatch: pytest.MonkeyPatch, ksize: tuple[int, int], strides: tuple[int, int], block: int
) -> None:
    monkeypatch.setattr(kernels, "BLOCK_BYTES", block)
    x = np.random.default_rng(1).standard_normal((2, 3, 11, 9))
    top, left = ksize[0] // 2, ksize[1] // 2
    out_size = ((11 + top - 1) // strides[0] + 1, (9 + left - 1) // strides[1] + 1)
    geometry = {"ksize": ksize, "strides": strides, "paddings": (top, 0, left, 0)}
    maxima = kernels.max_pool2d(x, out_size=out_size, **geometry)  # type: ignore[arg-type]  # by name
    means = kernels.average_pool2d(x, out_size=out_size, exclusive=True, **geometry)  # type: ignore[arg-type]  # by name
    for p in range(out_size[0]):
        for q in range(out_size[1]):
            row, column = p * strides[0] - top, q * strides[1] - left
            window = x[:, :, max(row, 0) : row + ksize[0], max(column, 0) : column + ksize[1]]
            if window.size == 0:
                continue
            np.testing.assert_array_equal(maxima[:, :, p, q], window.max((2, 3)))
            np.testing.assert_allclose(means[:, :, p, q], window.mean((2, 3)), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["int8", "int32", "float64"])
def test_maxima_keep_their_type(dtype: str) -> None:
    x = np.arange(-8, 8).reshape(1, 1, 4, 4).astype(dtype)
    options = {"ksize": (2, 2), "strides": (2, 2), "paddings": (1, 1, 1, 1), "out_size": (3, 3)}
    y = kernels.max_pool2d(x, **options)  # type: ignore[arg-type]  # each fits
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y[0, 0], [[-8, -6, -5], [0, 2, 3], [4, 6, 7]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_the_mean_of_a_plane_is_the_same_in_every_order(dtype: str) -> None:
    x = np.random.default_rng(3).integers(-99, 99, (2, 3, 31, 17)).astype(dtype)
    expected = x.mean(axis=(2, 3), dtype=np.float64, keepdims=True)
    for array in (x, channels_first(np.ascontiguousarray(channels_last(x)))):
        np.testing.assert_allclose(kernels.whole_average(array), expected, rtol=0, atol=1e-5)
        for planes in (np.full((2, 3, 1, 1), np.nan), np.full((2, 3, 2, 1), np.nan)):
            out = planes[:, :, :1]
            assert kernels.whole_average(array, out=out) is out
            np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)
