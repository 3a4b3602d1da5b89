"""Matrix products divided into those that BLAS is fastest at.

BLAS copies the operands of a product into an order of its own before it multiplies, which
takes as long as the products themselves where one of them is small. OpenBLAS leaves that out
on processors with AVX-512: for up to SMALL multiply-adds, and for more where both operands and
the result lie in rows (its interface/gemm.c and kernel/x86_64, sgemm_small_kernel_permit and
sgemm_direct). Where ``small`` says that it is so, products are made of such ones, which are 1.2
to 2 times as fast.
"""

from __future__ import annotations

import numpy as np

SMALL = 1_000_000
"""Up to so many multiply-adds operands are read where they lie, in any order."""

LITTLE_MATRIX, DIRECT_ROWS = 1 << 13, 112
"""Filters of up to so many elements are worth having in rows, and by how many rows they go."""

FEW_ROWS = 96
"""See ``multiply``."""

AT_ONCE, LEAST_DEPTH = 16, 128
"""How many filters multiply few rows at once, and how deep they must be for that to pay."""

STRIPS, LARGE_MATRIX = (64, 32), 1 << 16
"""How wide strips of a matrix may be, and from how many elements on it is divided into them."""


def lie_in_rows(depth: int, filters: int) -> bool:
    """Whether a matrix of filters is worth being laid out as it multiplies, (depth, filters)."""
    return depth * filters <= LITTLE_MATRIX


def strip_width(rows: int, depth: int, filters: int) -> int:
    """How many columns of a matrix (depth, filters) should lie together to multiply so many rows.

    That many of them with all rows are a small product.
    """
    if depth * filters >= LARGE_MATRIX:
        for width in STRIPS:
            if rows * depth * width <= SMALL and filters % width == 0:
                return width
    return filters


def multiply(rows: np.ndarray, filters: np.ndarray, out: np.ndarray, *, small: bool) -> None:
    """Multiply rows (T, groups, K) by filters (groups, O / groups, K) to (T, groups, O / groups).

    Where nothing better is known, BLAS is faster at many filters by few rows than the other
    way around, by more than it takes to turn the product over.
    """
    if small and len(filters) == 1 and _by_small_ones(rows[:, 0], filters[0], out[:, 0]):
        return
    if len(rows) < FEW_ROWS:
        out[...] = np.matmul(filters, rows.transpose(1, 2, 0)).transpose(2, 0, 1)
    else:
        np.matmul(rows.swapaxes(0, 1), filters.swapaxes(1, 2), out=out.swapaxes(0, 1))


def _by_small_ones(rows: np.ndarray, filters: np.ndarray, out: np.ndarray) -> bool:
    """Multiply rows (T, K) by filters (O, K) to (T, O) if that goes by small products."""
    count, depth = rows.shape
    if filters.strides[0] == filters.itemsize:
        _direct(rows, filters.T, out)
        return True
    if count == 1 or count > FEW_ROWS or depth < LEAST_DEPTH or count * depth * AT_ONCE > SMALL:
        return False
    whole = len(filters) - len(filters) % AT_ONCE
    shape = (whole // AT_ONCE, AT_ONCE)
    some = filters[:whole].reshape(*shape, depth).swapaxes(1, 2)
    np.matmul(rows, some, out=out[:, :whole].reshape(count, *shape).swapaxes(0, 1))
    if whole < len(filters):
        np.matmul(rows, filters[whole:].T, out=out[:, whole:])
    return True


def _direct(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """Multiply rows by a matrix in rows, DIRECT_ROWS of them at once."""
    step = -(-len(rows) // -(-len(rows) // DIRECT_ROWS))
    whole = len(rows) - len(rows) % step
    parts = (whole // step, step)
    np.matmul(
        rows[:whole].reshape(*parts, rows.shape[1]),
        matrix,
        out=out[:whole].reshape(*parts, out.shape[1]),
    )
    if whole < len(rows):
        np.matmul(rows[whole:], matrix, out=out[whole:])
