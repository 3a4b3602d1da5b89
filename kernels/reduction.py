"""Operations along axes."""

from __future__ import annotations

import numpy as np

Axes = tuple[int, ...]


def reduce_sum(x: np.ndarray, *, axes: Axes, keep: bool) -> np.ndarray:
    """The sum along axes, in the element type of x."""
    return np.sum(x, axis=axes, keepdims=keep, dtype=x.dtype)


def reduce_mean(x: np.ndarray, *, axes: Axes, keep: bool) -> np.ndarray:
    """The mean along axes, summed in float64."""
    return np.asarray(np.mean(x, axis=axes, keepdims=keep, dtype=np.float64)).astype(x.dtype)


def reduce_max(x: np.ndarray, *, axes: Axes, keep: bool) -> np.ndarray:
    """The largest along axes."""
    return np.max(x, axis=axes, keepdims=keep)


def reduce_min(x: np.ndarray, *, axes: Axes, keep: bool) -> np.ndarray:
    """The smallest along axes."""
    return np.min(x, axis=axes, keepdims=keep)


def reduce_prod(x: np.ndarray, *, axes: Axes, keep: bool) -> np.ndarray:
    """The product along axes, in the element type of x."""
    return np.prod(x, axis=axes, keepdims=keep, dtype=x.dtype)


def arg_max(x: np.ndarray, *, axis: int, keep: bool, dtype: np.dtype[np.generic]) -> np.ndarray:
    """Where along an axis the largest element stands, the first of equal ones."""
    return np.asarray(np.argmax(x, axis=axis, keepdims=keep)).astype(dtype)


def softmax(x: np.ndarray, *, axis: int, out: np.ndarray | None = None) -> np.ndarray:
    """exp(x) divided by its sum along an axis; the largest element is taken off first.

    ``out`` may be x. Where all elements are -inf there is nothing to divide, as in onnxruntime.
    """
    with np.errstate(invalid="ignore"):
        y = np.subtract(x, np.max(x, axis=axis, keepdims=True), out=out)
    np.exp(y, out=y)
    return np.divide(y, np.sum(y, axis=axis, keepdims=True), out=y)


def cumulative_sum(x: np.ndarray, *, axis: int, exclusive: bool, reverse: bool) -> np.ndarray:
    """The sum of the elements up to each along an axis, from the end where ``reverse``."""
    ahead = np.flip(x, axis) if reverse else x
    total = np.cumsum(ahead, axis=axis, dtype=x.dtype)
    if exclusive:
        total = np.roll(total, 1, axis)
        first = [slice(None)] * x.ndim
        first[axis] = slice(0, 1)
        total[tuple(first)] = 0
    return np.flip(total, axis) if reverse else total


def sort(x: np.ndarray, *, axis: int, descending: bool) -> tuple[np.ndarray, np.ndarray]:
    """x sorted along an axis, and where its elements stood; equal ones keep their order."""
    if descending:
        last = x.shape[axis] - 1
        order = np.flip(last - np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis=axis, kind="stable")
    return np.take_along_axis(x, order, axis), order.astype(np.int64)


def top_k(x: np.ndarray, *, k: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest along an axis in descending order, and where they stand."""
    values, places = sort(x, axis=axis, descending=True)
    first = [slice(None)] * x.ndim
    first[axis] = slice(0, k)
    return values[tuple(first)], places[tuple(first)]
