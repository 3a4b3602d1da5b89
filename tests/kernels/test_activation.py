from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import activation
from opt_tool.kernels.calls import replay
from opt_tool.kernels.epilogue import PART
from opt_tool.kernels.memory import channels_first, channels_last

X = np.linspace(-30, 30, 601, dtype=np.float32)
WIDE = X.astype(np.float64)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.702])
def test_swish_is_its_definition(beta: float) -> None:
    expected = WIDE / (1 + np.exp(-beta * WIDE))
    np.testing.assert_allclose(activation.swish(X, beta=beta), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_softplus_is_its_definition(beta: float) -> None:
    expected = np.log1p(np.exp(beta * WIDE)) / beta
    y = activation.softplus(X, beta=beta, threshold=20)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_softplus_is_its_operand_beyond_the_threshold() -> None:
    y = activation.softplus(X, beta=1, threshold=0.5)
    np.testing.assert_array_equal(y[X > 0.5], X[X > 0.5])


def test_mish_is_its_definition_within_the_threshold() -> None:
    expected = WIDE * np.tanh(np.log1p(np.exp(WIDE)))
    np.testing.assert_allclose(activation.mish(X, threshold=20), expected, rtol=1e-5, atol=1e-6)


DEFINITIONS = {
    "relu": (activation.relu, {}, np.maximum(WIDE, 0)),
    "relu6": (activation.relu6, {"threshold": 4.5}, np.clip(WIDE, 0, 4.5)),
    "leaky_relu": (activation.leaky_relu, {"alpha": 0.2}, np.where(WIDE >= 0, WIDE, 0.2 * WIDE)),
    "steep": (activation.leaky_relu, {"alpha": 1.5}, np.where(WIDE >= 0, WIDE, 1.5 * WIDE)),
    "sigmoid": (activation.sigmoid, {}, 1 / (1 + np.exp(-WIDE))),
    "tanh": (activation.tanh, {}, np.tanh(WIDE)),
    "hard_sigmoid": (
        activation.hard_sigmoid,
        {"slope": 0.2, "offset": 0.4},
        np.clip(0.2 * WIDE + 0.4, 0, 1),
    ),
    "hard_swish": (
        activation.hard_swish,
        {"threshold": 6.0, "scale": 5.0, "offset": 3.0},
        WIDE * np.clip(WIDE + 3, 0, 6) / 5,
    ),
    "swish": (activation.swish, {"beta": 1.5}, WIDE / (1 + np.exp(-1.5 * WIDE))),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_activations_are_their_definitions_and_may_overwrite_their_operand(name: str) -> None:
    function, attributes, expected = DEFINITIONS[name]
    plain = function(X, **attributes)  # type: ignore[operator]  # functions of many signatures
    np.testing.assert_allclose(plain, expected, rtol=1e-5, atol=1e-6)
    place = X.copy()
    assert function(place, out=place, **attributes) is place  # type: ignore[operator]
    np.testing.assert_array_equal(place, plain)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_activations_take_any_size_in_every_order(name: str) -> None:
    function, attributes, _ = DEFINITIONS[name]
    x = (9 * np.random.default_rng(0).standard_normal((2, 40, 30, 64))).astype(np.float32)
    assert x.size > 2 * PART
    rows = [function(row, **attributes) for row in x.reshape(-1, 64)]  # type: ignore[operator]
    expected = np.reshape(rows, x.shape)
    for array, wanted in (
        (x, expected),
        (x.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)),
        (x[:, ::2], expected[:, ::2]),
        (x.T, expected.T),
    ):
        y = function(array, **attributes)  # type: ignore[operator]
        np.testing.assert_allclose(y, wanted, rtol=1e-6, atol=1e-7)
        out = np.full(y.shape, np.nan, np.float32)
        assert function(array, out=out, **attributes) is out  # type: ignore[operator]
        np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-7)


def test_sigmoid_ends_at_0_and_1() -> None:
    far = np.array([-np.inf, -1e4, -200, 200, 1e4, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(activation.sigmoid(far), [0, 0, 0, 1, 1, 1, np.nan])


def test_prelu_of_one_row_whatever_the_stride_from_row_to_row() -> None:
    """As the first row of taller planes lies, and as convolutions leave it."""
    rng = np.random.default_rng(2)
    slope = rng.uniform(-2, 2, (8, 1, 1)).astype(np.float32)
    x = channels_first(rng.standard_normal((1, 3, 2, 8)).astype(np.float32)[:, :1])
    expected = np.where(x > 0, x, x * slope)
    np.testing.assert_array_equal(activation.prelu(x, slope), expected)
    out = channels_first(np.full((1, 1, 2, 8), np.nan, np.float32))
    np.testing.assert_array_equal(activation.prelu(x, slope, out=out), expected)


@pytest.mark.parametrize("slopes", [(1,), (7, 1, 1), (2, 7, 90, 80)], ids=str)
def test_prelu_is_its_definition_in_every_order(slopes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    slope = rng.uniform(-2, 2, slopes).astype(np.float32)
    x = rng.standard_normal((2, 7, 90, 80)).astype(np.float32)
    assert x.size > 2 * PART
    expected = np.where(x > 0, x, x * slope)
    turned = channels_first(np.ascontiguousarray(channels_last(x)))
    for array in (x, turned):
        np.testing.assert_array_equal(activation.prelu(array, slope), expected)
        for out in (np.full_like(x, np.nan), np.full_like(turned, np.nan), array):
            assert activation.prelu(array, slope, out=out) is out
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("length", [601, 20_000])
@pytest.mark.parametrize("name", ["relu", "relu6"])
def test_calls_do_in_place_what_their_activation_does(name: str, length: int) -> None:
    _, arguments, _ = DEFINITIONS[name]
    x = np.resize(X, length)
    expected = getattr(activation, name)(x, **arguments)
    replay(getattr(activation, f"{name}_calls")(x, **arguments))
    np.testing.assert_array_equal(x, expected)
