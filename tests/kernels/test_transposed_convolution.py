from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import convolution
from opt_tool.kernels.epilogue import Epilogue
from opt_tool.kernels.memory import channels_first, channels_last, lies_channels_last
from opt_tool.kernels.planes import Pads, Pair
from opt_tool.kernels.transposed_convolution import conv2d_transpose
from windows import WINDOWS

CASES = [
    *WINDOWS,
    ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),
    ((2, 3), (2, 3), (0, 0, 0, 0), (1, 1)),
    ((2, 3), (2, 3), (0, 0, 0, 0), (2, 1)),
    ((2, 3), (2, 3), (1, 0, 0, 1), (1, 1)),
]


@pytest.mark.parametrize(("kernel", "strides", "paddings", "dilations"), CASES, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_the_transposed_convolution_is_the_transposed_matrix(
    kernel: Pair, strides: Pair, paddings: Pads, dilations: Pair, groups: int
) -> None:
    """<conv(x), y> = <x, conv_transpose(y)>."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 6, 7)).astype(np.float32)
    weight = rng.standard_normal((8, 4 // groups, *kernel)).astype(np.float32)
    options = {"strides": strides, "paddings": paddings, "dilations": dilations}
    forward = convolution.conv2d(x, weight, groups=groups, **options)  # type: ignore[arg-type]  # each fits
    y = rng.standard_normal(forward.shape).astype(np.float32)
    left = [
        (n + sum(paddings[2 * i : 2 * i + 2]) - dilations[i] * (kernel[i] - 1) - 1) % strides[i]
        for i, n in enumerate(x.shape[2:])
    ]
    back = conv2d_transpose(
        y,
        weight,
        strides=strides,
        paddings=paddings,
        dilations=dilations,
        groups=groups,
        output_padding=(left[0], left[1]),
    )
    assert back.shape == x.shape
    np.testing.assert_allclose(np.vdot(forward, y), np.vdot(x, back), rtol=1e-4)


@pytest.mark.parametrize(
    "geometry",
    [
        {"strides": (2, 3)},
        {"strides": (2, 3), "output_padding": (1, 0)},
        {"strides": (2, 3), "paddings": (1, 0, 0, 1)},
        {"strides": (1, 2), "paddings": (1, 0, 0, 1)},
    ],
    ids=["side by side", "with a row more", "cut", "overlapping"],
)
def test_filters_are_spread_as_they_are_defined(geometry: dict[str, tuple[int, ...]]) -> None:
    rng = np.random.default_rng(2)
    x, weight, bias = (rng.standard_normal(shape) for shape in ((2, 4, 3, 5), (4, 6, 2, 3), (6,)))
    strides, extra = geometry["strides"], geometry.get("output_padding", (0, 0))
    spread = np.zeros((2, 6, 2 * strides[0] + 2 + extra[0], 4 * strides[1] + 3 + extra[1]))
    for row, column in np.ndindex(3, 5):
        corner = (row * strides[0], column * strides[1])
        spread[:, :, corner[0] : corner[0] + 2, corner[1] : corner[1] + 3] += np.einsum(
            "nc,cors->nors", x[:, :, row, column], weight
        )
    top, bottom, left, right = geometry.get("paddings", (0, 0, 0, 0))
    cut = spread[:, :, top : spread.shape[2] - bottom, left : spread.shape[3] - right]
    expected = np.maximum(cut + bias[:, None, None], 0)
    finish = Epilogue.of(bias, lambda part: np.maximum(part, 0, out=part))
    for array in (x, channels_first(np.ascontiguousarray(channels_last(x)))):
        y = conv2d_transpose(array, weight, finish, **geometry)  # type: ignore[arg-type]  # by name
        assert lies_channels_last(y)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
        for out in (np.full_like(expected, np.nan), np.full_like(y, np.nan)):
            assert conv2d_transpose(array, weight, finish, out=out, **geometry) is out  # type: ignore[arg-type]  # by name
            np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)
