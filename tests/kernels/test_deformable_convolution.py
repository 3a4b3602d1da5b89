from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from opt_tool.kernels.convolution import conv2d
from opt_tool.kernels.deformable_convolution import deformable_conv2d
from opt_tool.kernels.planes import Pair

RNG = np.random.default_rng(0)
KERNEL = (3, 2)


def operands(groups: int, parts: int, counts: Pair) -> tuple[np.ndarray, ...]:
    """X, offsets of 0, masks of 1 and filters."""
    taps = parts * KERNEL[0] * KERNEL[1]
    return (
        RNG.standard_normal((2, 8, 9, 7)),
        np.zeros((2, 2 * taps, *counts)),
        np.ones((2, taps, *counts)),
        RNG.standard_normal((4, 8 // groups, *KERNEL)),
    )


@pytest.mark.parametrize(("groups", "parts"), [(1, 1), (2, 4), (4, 2)])
def test_without_moves_and_weights_it_is_a_convolution(groups: int, parts: int) -> None:
    options: dict[str, Any] = {"strides": (2, 1), "dilations": (1, 2), "groups": groups}
    x, offset, mask, weight = operands(groups, parts, (5, 9))
    y = deformable_conv2d(
        x, offset, mask, weight, paddings=(1, 2), deformable_groups=parts, **options
    )
    np.testing.assert_allclose(
        y, conv2d(x, weight, paddings=(1, 1, 2, 2), **options), rtol=1e-12, atol=1e-12
    )


def test_taps_are_moved_by_rows_and_columns_and_weighed() -> None:
    """All taps of one part half a row down and a column to the right, at a quarter."""
    x, offset, mask, weight = operands(1, 2, (7, 6))
    offset.reshape(2, 2, 6, 2, 7, 6)[:, 1] = np.array([0.5, 1]).reshape(2, 1, 1)
    mask.reshape(2, 2, 6, 7, 6)[:, 1] = 0.25
    y = deformable_conv2d(
        x, offset, mask, weight, strides=(1, 1), paddings=(0, 0), dilations=(1, 1), groups=1,
        deformable_groups=2,
    )  # fmt: skip
    below = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)))
    moved = 0.25 * (below[:, 4:, :-1, 1:] + below[:, 4:, 1:, 1:]) / 2
    expected = conv2d(np.concatenate([x[:, :4], moved], axis=1), weight)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
