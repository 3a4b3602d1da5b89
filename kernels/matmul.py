"""Matrix products, float32."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.kernels.memory import element_type
from opt_tool.kernels.products import multiply


def matmul(
    x: np.ndarray, y: np.ndarray, *, trans_x: bool = False, trans_y: bool = False, alpha: float = 1
) -> np.ndarray:
    """alpha * x @ y by NumPy's rule, after exchanging last dimensions; at least (1,)."""
    left = x.swapaxes(-1, -2) if trans_x and x.ndim > 1 else x
    right = y.swapaxes(-1, -2) if trans_y and y.ndim > 1 else y
    product = np.atleast_1d(np.matmul(left, right))
    return product if alpha == 1 else product * product.dtype.type(alpha)


def as_matrix(x: np.ndarray, *, rows: int) -> np.ndarray:
    """X as a matrix whose rows are its first ``rows`` dimensions."""
    return x.reshape(math.prod(x.shape[:rows]), math.prod(x.shape[rows:]))


def mul(
    x: np.ndarray,
    y: np.ndarray,
    *,
    x_num_col_dims: int = 1,
    y_num_col_dims: int = 1,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """x @ y, both taken as matrices: the row dimensions of x by the columns of y."""
    left, right = as_matrix(x, rows=x_num_col_dims), as_matrix(y, rows=y_num_col_dims)
    target = None if out is None else out.reshape(len(left), right.shape[1])
    product = np.matmul(left, right, out=target)
    return product.reshape(*x.shape[:x_num_col_dims], *y.shape[y_num_col_dims:])


def fc(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    in_num_col_dims: int = 1,
    pieces: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """x, taken as a matrix of K columns, by weight (K, N), plus bias (N,).

    ``pieces`` is what ``products.in_pieces`` made of the weight; then only its shape is read.
    """
    if pieces is None:
        y = mul(x, weight, x_num_col_dims=in_num_col_dims, out=out)
    else:
        shape = (*x.shape[:in_num_col_dims], weight.shape[1])
        y = np.empty(shape, element_type(x, pieces)) if out is None else out
        rows = as_matrix(x, rows=in_num_col_dims)[:, np.newaxis]
        multiply(rows, pieces[np.newaxis], y.reshape(len(rows), 1, -1), small=True)
    return y if bias is None else np.add(y, bias.reshape(-1), out=y)
