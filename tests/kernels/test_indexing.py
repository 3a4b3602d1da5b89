from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from opt_tool.kernels import indexing as kernels

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_gather_takes_indices_of_any_shape_as_a_vector() -> None:
    y = kernels.gather(X, np.array([[3, 0]]), axis=0)
    np.testing.assert_array_equal(y, X[[3, 0]])
    np.testing.assert_array_equal(kernels.gather(X, np.array([2]), axis=1), X[:, 2:])


def test_gather_nd_of_every_depth() -> None:
    np.testing.assert_array_equal(kernels.gather_nd(X, np.array([[1], [3]])), X[[1, 3]])
    np.testing.assert_array_equal(kernels.gather_nd(X, np.array([[1, 2], [0, 0]])), [5, 0])
    assert kernels.gather_nd(X, np.array([1, 2])).shape == ()


def test_equal_indices_add_up_and_leave_the_operand_alone() -> None:
    index, updates = np.array([[1], [1]]), np.ones((2, 3), np.float32)
    y = kernels.scatter_nd_add(X, index, updates)
    np.testing.assert_array_equal(y[1], X[1] + 2)
    assert X[1, 0] == 3


@pytest.mark.parametrize("overwrite", [True, False])
def test_scatter_writes_or_adds_up_from_zero(overwrite: bool) -> None:
    updates = np.ones((2, 3), np.float32)
    y = kernels.scatter(X, np.array([2, 2]), updates, overwrite=overwrite)
    assert (y[2] == (1 if overwrite else 2)).all()
    np.testing.assert_array_equal(np.delete(y, 2, 0), np.delete(X, 2, 0))


def test_padding_rows_are_zero() -> None:
    y = kernels.lookup(X, np.array([[1, 2]]), padding_idx=1)
    np.testing.assert_array_equal(y, [[[0, 0, 0], [6, 7, 8]]])
    assert kernels.lookup(X, np.array([1]), padding_idx=-1).all()


def test_where_index_counts_rows() -> None:
    y = kernels.where_index(np.array([[0, 2], [3, 0]]))
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, [[0, 1], [1, 0]])


@pytest.mark.parametrize("index", [[-1], [4]])
@pytest.mark.parametrize(
    "kernel",
    [
        lambda index: kernels.gather(X, index, axis=0),
        lambda index: kernels.gather_nd(X, index[:, np.newaxis]),
        lambda index: kernels.scatter(X, index, X[:1], overwrite=True),
        lambda index: kernels.lookup(X, index, padding_idx=-1),
    ],
    ids=["gather", "gather_nd", "scatter", "lookup"],
)
def test_indices_outside_are_refused(
    kernel: Callable[[np.ndarray], np.ndarray], index: list[int]
) -> None:
    with pytest.raises(IndexError, match="do not fit 4 elements"):
        kernel(np.array(index))
