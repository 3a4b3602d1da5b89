"""Matrix products divided into those that BLAS is fastest at.

BLAS copies the operands of a product into an order of its own before it multiplies, which
takes as long as the products themselves where one of them is small. OpenBLAS leaves that out
on processors with AVX-512: for up to SMALL multiply-adds, and for more where both operands and
the result lie in rows (its interface/gemm.c and kernel/x86_64, sgemm_small_kernel_permit and
sgemm_direct). Where ``small`` says that it is so, products are made of such ones, which are 1.2
to 2 times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from opt_tool.kernels.calls import Call, replay
from opt_tool.kernels.memory import aligned_copy

SMALL = 1_000_000
"""Up to so many multiply-adds operands are read where they lie, in any order."""

LITTLE_MATRIX, PIECES = 1 << 13, (64, 32)
"""Up to how many elements a matrix of filters multiplies as a whole, and how wide pieces are."""

PIECE_ROWS, DEEPEST = 112, 1100
"""By how many rows pieces go at once, and how deep they may be for that to pay."""

FEW_ROWS = 96
"""See ``multiply``."""

AT_ONCE, LEAST_DEPTH = 16, 128
"""How many filters multiply few rows at once, and how deep they must be for that to pay."""

STRIPS, LARGE_MATRIX = (64, 32), 1 << 16
"""How wide strips of a matrix may be, and from how many elements on it is divided into them."""


def piece_width(rows: int, depth: int, filters: int) -> int | None:
    """How many filters are laid out together as they multiply so many rows; None: none are."""
    if depth * filters <= LITTLE_MATRIX:
        return filters
    few = rows <= FEW_ROWS
    if rows == 1 or (rows * depth * PIECES[-1] > SMALL if few else depth > DEEPEST):
        return None
    widths = reversed(PIECES) if few else PIECES
    return next((width for width in widths if filters % width == 0), None)


def in_pieces(filters: np.ndarray, width: int) -> np.ndarray:
    """Filters (O, K) as they multiply, (O / width, K, width)."""
    pieces = filters.reshape(-1, width, filters.shape[1]).swapaxes(1, 2)
    return aligned_copy(pieces)


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

    Filters of a single group may be ``in_pieces``, (1, O / width, K, width). Where nothing better
    is known, BLAS is faster at many filters by few rows than the other way around, by more than it
    takes to turn the product over.
    """
    replay(multiplication(rows, filters, out, small=small))


def multiplication(
    rows: np.ndarray, filters: np.ndarray, out: np.ndarray, *, small: bool
) -> Iterator[Call]:
    """What ``multiply`` does."""
    if filters.ndim == 4:
        yield from _by_pieces(rows[:, 0], filters[0], out[:, 0])
    elif small and len(filters) == 1 and _is_worth_dividing(len(rows), filters.shape[2]):
        yield from _by_some_filters(rows[:, 0], filters[0], out[:, 0])
    elif len(rows) < FEW_ROWS:
        turned = rows.transpose(1, 2, 0), out.transpose(1, 2, 0)
        yield partial(_multiply_turned, filters, *turned)
    else:
        operands = rows.swapaxes(0, 1), filters.swapaxes(1, 2)
        yield partial(np.matmul, *operands, out=out.swapaxes(0, 1))


def _multiply_turned(filters: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    out[...] = np.matmul(filters, columns)


def _is_worth_dividing(count: int, depth: int) -> bool:
    return 1 < count <= FEW_ROWS and depth >= LEAST_DEPTH and count * depth * AT_ONCE <= SMALL


def _by_some_filters(rows: np.ndarray, filters: np.ndarray, out: np.ndarray) -> Iterator[Call]:
    """Multiply few rows (T, K) by filters (O, K) to (T, O), AT_ONCE filters at once."""
    count, depth = rows.shape
    whole = len(filters) - len(filters) % AT_ONCE
    shape = (whole // AT_ONCE, AT_ONCE)
    some = filters[:whole].reshape(*shape, depth).swapaxes(1, 2)
    yield partial(np.matmul, rows, some, out=out[:, :whole].reshape(count, *shape).swapaxes(0, 1))
    if whole < len(filters):
        yield partial(np.matmul, rows, filters[whole:].T, out=out[:, whole:])


def _by_pieces(rows: np.ndarray, pieces: np.ndarray, out: np.ndarray) -> Iterator[Call]:
    """Multiply rows (T, K) by pieces (O / width, K, width) to (T, O), some rows at once."""
    (count, depth), (number, _, width) = rows.shape, pieces.shape
    most = max(1, min(PIECE_ROWS, SMALL // (depth * width)))
    step = -(-count // -(-count // most))
    whole = count - count % step
    parts = out[:whole].reshape(-1, step, number, width)
    stacked = rows[:whole].reshape(-1, 1, step, depth)
    yield partial(np.matmul, stacked, pieces, out=parts.swapaxes(1, 2))
    if whole < count:
        rest = out[whole:].reshape(-1, number, width)
        yield partial(np.matmul, rows[whole:], pieces, out=rest.swapaxes(0, 1))
