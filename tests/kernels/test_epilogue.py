from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels.activation import relu, relu6
from opt_tool.kernels.epilogue import ROW, Epilogue, with_constant
from opt_tool.kernels.memory import channels_first


@pytest.mark.parametrize("places", [1, 7, 4000])
@pytest.mark.parametrize("channels", [1, 3, 64, 10_000])
def test_a_bias_is_added_to_every_place(places: int, channels: int) -> None:
    rng = np.random.default_rng(0)
    y, bias = rng.standard_normal((places, channels)), rng.standard_normal(channels)
    expected = np.maximum(y + bias, 0)
    Epilogue.of(bias, lambda part: np.maximum(part, 0, out=part))(y)
    np.testing.assert_array_equal(y, expected)


def test_an_epilogue_may_do_nothing() -> None:
    y = np.arange(6.0).reshape(2, 3)
    Epilogue.of(None, None)(y)
    np.testing.assert_array_equal(y, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("length", [1, ROW - 1, ROW, ROW + 1, 3 * ROW + 5])
@pytest.mark.parametrize("function", [np.maximum, np.minimum])
def test_a_constant_written_out_is_the_same_constant(function: np.ufunc, length: int) -> None:
    x = np.random.default_rng(1).standard_normal(length).astype(np.float32)
    x[0] = np.nan
    expected = function(x, np.float32(0.25))
    np.testing.assert_array_equal(with_constant(function, x, 0.25, None), expected)
    assert with_constant(function, x, 0.25, x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("shape", [(2, 40, 30, 64), (1, 70, 60, 3)], ids=str)
def test_activations_take_every_order_in_memory(shape: tuple[int, ...]) -> None:
    x = (9 * np.random.default_rng(2).standard_normal(shape)).astype(np.float32)
    expected = np.clip(x, 0, 6)
    turned = np.asfortranarray(x)
    for array in (x, channels_first(x), x[:, ::2], turned, turned.swapaxes(0, 1)):
        wanted = np.clip(array, 0, 6)
        np.testing.assert_array_equal(relu6(array), wanted)
        np.testing.assert_array_equal(relu(array), np.maximum(array, 0))
        out = np.full(array.shape, np.nan, np.float32)
        assert relu6(array, out=out) is out
        np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(relu6(x, out=x), expected)
