from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import pooling as kernels


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
