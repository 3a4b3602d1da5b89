"""Pooling from graph to numbers, against what each attribute means."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.runtime.executor import Executor

X = np.random.default_rng(0).standard_normal((2, 3, 9, 8)).astype(np.float32)


def pooled(op: Pool2D) -> np.ndarray:
    b = TestGraphs()
    (y,) = Executor(b.build(b.add(op, X=b.input(*X.shape)))).run({"x": X}).values()
    return y


def expected(op: Pool2D, size: tuple[int, int]) -> np.ndarray:
    """The definition: windows of the plane and its pads, what lies beyond those left out."""
    top, bottom, left, right = op.paddings
    padded = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    inner = np.pad(np.ones(X.shape[2:]), ((top, bottom), (left, right)))
    y = np.empty((*X.shape[:2], *size))
    for p, q in np.ndindex(*size):
        row, column = p * op.strides[0], q * op.strides[1]
        window = (slice(row, row + op.ksize[0]), slice(column, column + op.ksize[1]))
        elements, own = padded[(..., *window)], inner[window]
        if op.pooling_type == "max":
            y[:, :, p, q] = np.where(own > 0, elements, -np.inf).max((2, 3))
        else:
            y[:, :, p, q] = elements.sum((2, 3)) / (own.sum() if op.exclusive else own.size)
    return y


@pytest.mark.parametrize("pooling_type", ["max", "avg"])
@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize(("ceil_mode", "size"), [(False, (5, 3)), (True, (6, 4))], ids=str)
def test_windows_slide_over_uneven_pads(
    pooling_type: str, exclusive: bool, ceil_mode: bool, size: tuple[int, int]
) -> None:
    op = Pool2D(
        pooling_type,
        ksize=(3, 4),
        strides=(2, 3),
        paddings=(2, 1, 3, 1),
        exclusive=exclusive,
        ceil_mode=ceil_mode,
    )
    y = pooled(op)
    assert y.shape[2:] == size
    np.testing.assert_allclose(y, expected(op, size), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("pooling_type", "reduce"), [("max", np.max), ("avg", np.mean)])
def test_adaptive_windows_share_the_plane_out(pooling_type: str, reduce: np.ufunc) -> None:
    y = pooled(Pool2D(pooling_type, ksize=(4, 3), adaptive=True))
    rows = (slice(0, 3), slice(2, 5), slice(4, 7), slice(6, 9))
    columns = (slice(0, 3), slice(2, 6), slice(5, 8))
    for (p, row), (q, column) in ((a, b) for a in enumerate(rows) for b in enumerate(columns)):
        wanted = reduce(X[:, :, row, column], axis=(2, 3))
        np.testing.assert_allclose(y[:, :, p, q], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("pooling_type", "reduce"), [("max", np.max), ("avg", np.mean)])
def test_a_whole_plane_becomes_one_element(pooling_type: str, reduce: np.ufunc) -> None:
    y = pooled(Pool2D(pooling_type, ksize=(1, 1), global_pooling=True))
    np.testing.assert_allclose(y, reduce(X, axis=(2, 3), keepdims=True), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling_type", ["max", "avg"])
@pytest.mark.parametrize(
    ("ksize", "paddings", "size"),
    [
        ((9, 8), (0, 0, 0, 0), (1, 1)),
        ((9, 8), (1, 0, 0, 1), (2, 2)),
        ((9, 7), (0, 0, 0, 0), (1, 2)),
    ],
    ids=str,
)
def test_a_window_may_be_the_whole_plane(
    pooling_type: str,
    ksize: tuple[int, int],
    paddings: tuple[int, int, int, int],
    size: tuple[int, int],
) -> None:
    op = Pool2D(pooling_type, ksize=ksize, paddings=paddings, exclusive=False)
    np.testing.assert_allclose(pooled(op), expected(op, size), rtol=0, atol=1e-6)
    adaptive = pooled(Pool2D(pooling_type, ksize=X.shape[2:], adaptive=True))
    np.testing.assert_array_equal(adaptive, X)
