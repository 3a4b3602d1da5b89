from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import matmul as kernels
from opt_tool.kernels.products import in_pieces

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("trans_x", [False, True])
@pytest.mark.parametrize("trans_y", [False, True])
def test_matmul_agrees_with_einsum(trans_x: bool, trans_y: bool) -> None:
    x = normal(2, 1, 4, 3) if trans_x else normal(2, 1, 3, 4)
    y = normal(5, 6, 4) if trans_y else normal(5, 4, 6)
    actual = kernels.matmul(x, y, trans_x=trans_x, trans_y=trans_y, alpha=0.5)
    left, right = "abkm" if trans_x else "abmk", "cnk" if trans_y else "ckn"
    equation = f"{left.replace('b', '')},{right}->acmn"
    expected = 0.5 * np.einsum(equation, x[:, 0].astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    assert actual.dtype == np.float32


def test_the_product_of_vectors_is_a_vector_of_one() -> None:
    x = normal(4)
    assert kernels.matmul(x, x, trans_x=False).shape == (1,)


def test_mul_takes_both_sides_as_matrices() -> None:
    x, y = normal(2, 3, 4, 5), normal(4, 5, 6)
    actual = kernels.mul(x, y, x_num_col_dims=2, y_num_col_dims=2)
    expected = np.einsum("abcd,cde->abe", x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias_shape", [(5,), (1, 5)], ids=str)
def test_fc_adds_its_bias_to_every_row(bias_shape: tuple[int, ...]) -> None:
    x, weight, bias = normal(2, 3, 4), normal(4, 5), normal(*bias_shape)
    actual = kernels.fc(x, weight, bias, in_num_col_dims=2)
    expected = x.astype(np.float64) @ weight.astype(np.float64) + bias.reshape(-1)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    assert kernels.fc(x.reshape(6, 4), weight).shape == (6, 5)


def test_a_weight_in_pieces_gives_the_same() -> None:
    x, weight, bias = normal(2, 3, 4), normal(4, 6), normal(6)
    pieces = in_pieces(weight.T, 2)
    shape_only = np.broadcast_to(np.float32(0), weight.shape)
    expected = kernels.fc(x, weight, bias, in_num_col_dims=2)
    for out in (None, np.full_like(expected, np.nan)):
        y = kernels.fc(x, shape_only, bias, in_num_col_dims=2, pieces=pieces, out=out)
        assert out is None or y is out
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
