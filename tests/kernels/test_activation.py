from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import activation

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
