from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels.activation import relu, relu6
from opt_tool.kernels.epilogue import PLAIN, ROW, Epilogue, equal_rows, with_constant
from opt_tool.kernels.memory import channels_first


@pytest.mark.parametrize("places", [1, 7, 196, 4000])
@pytest.mark.parametrize("channels", [1, 3, 64, 192, 10_000])
def test_a_bias_is_added_to_every_place(places: int, channels: int) -> None:
    rng = np.random.default_rng(0)
    y, bias = rng.standard_normal((places, channels)), rng.standard_normal(channels)
    expected = np.maximum(y + bias, 0)
    Epilogue.of(bias, lambda part: np.maximum(part, 0, out=part))(y)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("length", "unit", "count"),
    [
        (37_632, 1, 6),
        (37_632, 192, 7),
        (9_300, 1, 2),
        (9_001, 1, 0),
        (23_520, 480, 0),
        (8_193, 1, 0),
    ],
)
def test_what_is_long_is_cut_into_equal_rows_of_whole_units(
    length: int, unit: int, count: int
) -> None:
    assert equal_rows(length, ROW, unit) == count


@pytest.mark.parametrize("places", [1, 5, 5000])
def test_a_bias_is_written_out_for_any_number_of_places(places: int) -> None:
    bias = np.array([1, -2, 3], np.float32)
    shift = Epilogue.of(bias).shift(places, 3, bias.dtype)
    np.testing.assert_array_equal(shift, np.tile(bias, places))
    np.testing.assert_array_equal(PLAIN.shift(places, 3, bias.dtype), np.zeros(3 * places))


def test_an_epilogue_without_one_part_has_the_other() -> None:
    whole = Epilogue.of(np.array([1.0, -3]), lambda part: np.maximum(part, 0, out=part))
    biased, activated = np.array([[-2.0, 2]]), np.array([[-2.0, 2]])
    whole.without_activation(biased)
    whole.without_bias(activated)
    np.testing.assert_array_equal(biased, [[-1, -1]])
    np.testing.assert_array_equal(activated, [[0, 2]])


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
