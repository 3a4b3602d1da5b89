"""Activations, element by element; float32 in, float32 out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial

import numpy as np

from opt_tool.kernels.calls import Call
from opt_tool.kernels.elementwise import erf
from opt_tool.kernels.epilogue import (
    PART,
    ROW,
    by_rows,
    constant_row,
    in_parts,
    row_calls,
    with_constant,
)
from opt_tool.kernels.memory import lies_channels_last


def relu(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """max(x, 0); ``out`` may be x, as in all functions that have it."""
    return with_constant(np.maximum, x, 0, out)


def relu_calls(x: np.ndarray) -> Iterator[Call]:
    """What ``relu`` does to x that lies in a row, in place."""
    return row_calls(np.maximum, x, constant_row(0, x.dtype), x, unit=1)


def relu6(x: np.ndarray, *, threshold: float = 6.0, out: np.ndarray | None = None) -> np.ndarray:
    """min(max(x, 0), threshold)"""
    return x.clip(*_limits(threshold, x.dtype), out)


def relu6_calls(x: np.ndarray, *, threshold: float = 6.0) -> Iterator[Call]:
    """What ``relu6`` does to x in place."""
    yield partial(x.clip, *_limits(threshold, x.dtype), x)


@lru_cache(maxsize=16)
def _limits(threshold: float, dtype: np.dtype[np.generic]) -> tuple[np.ndarray, np.ndarray]:
    """0 and a threshold as arrays, which NumPy would make of numbers in every call."""
    limits = np.zeros((), dtype), np.array(threshold, dtype)
    for limit in limits:
        limit.flags.writeable = False
    return limits


def leaky_relu(x: np.ndarray, *, alpha: float, out: np.ndarray | None = None) -> np.ndarray:
    """x where x >= 0, else alpha * x"""
    factor, is_larger = x.dtype.type(alpha), 0 <= alpha <= 1

    def scale(x: np.ndarray, y: np.ndarray) -> None:
        scaled = x * factor
        if is_larger:
            np.maximum(x, scaled, out=y)
        else:
            y[...] = np.where(x >= 0, x, scaled)

    return in_parts(scale, x, out)


def sigmoid(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + exp(-x))"""
    return in_parts(_logistic, x, out)


def _logistic(x: np.ndarray, y: np.ndarray) -> None:
    one = x.dtype.type(1)
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that it should be
        np.exp(np.negative(x, out=y), out=y)
    np.divide(one, np.add(y, one, out=y), out=y)


def tanh(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """tanh(x)"""
    return np.tanh(x, out=out)


def hard_sigmoid(
    x: np.ndarray, *, slope: float, offset: float, out: np.ndarray | None = None
) -> np.ndarray:
    """min(max(slope * x + offset, 0), 1)"""
    number = x.dtype.type
    y = np.multiply(x, number(slope), out=out)
    y = np.add(y, number(offset), out=out)
    return np.clip(y, number(0), number(1), out=out)


def hard_swish(
    x: np.ndarray, *, threshold: float, scale: float, offset: float, out: np.ndarray | None = None
) -> np.ndarray:
    """x * min(max(x + offset, 0), threshold) / scale"""
    number = x.dtype.type
    lowest, highest, shift = number(0), number(threshold), number(offset)

    def gate(x: np.ndarray, y: np.ndarray) -> None:
        opened = np.asarray(x + shift)
        opened.clip(lowest, highest, opened)
        np.divide(np.multiply(opened, x, out=opened), number(scale), out=y)

    return in_parts(gate, x, out)


def swish(x: np.ndarray, *, beta: float, out: np.ndarray | None = None) -> np.ndarray:
    """x / (1 + exp(-beta * x))"""
    factor = x.dtype.type(beta)

    def gate(x: np.ndarray, y: np.ndarray) -> None:
        opened = np.array(x) if beta == 1 else np.asarray(x * factor)
        _logistic(opened, opened)
        np.multiply(x, opened, out=y)

    return in_parts(gate, x, out)


def elu(x: np.ndarray, *, alpha: float) -> np.ndarray:
    """x where x >= 0, else alpha * (exp(x) - 1)"""
    return np.where(x >= 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))


def gelu(x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    """x * (1 + erf(x / sqrt(2))) / 2, or its approximation by tanh (Hendrycks and Gimpel, 2016)"""
    number = x.dtype.type
    if approximate:
        bent = number(math.sqrt(2 / math.pi)) * x * (1 + number(0.044715) * np.square(x))
        return x * (number(0.5) + number(0.5) * np.tanh(bent))
    return x * (number(0.5) + number(0.5) * erf(x * number(0.5**0.5)))


def softplus(x: np.ndarray, *, beta: float, threshold: float) -> np.ndarray:
    """log(1 + exp(beta * x)) / beta, and x where beta * x > threshold"""
    scaled = x * x.dtype.type(beta)
    curved = np.logaddexp(scaled, x.dtype.type(0)) / x.dtype.type(beta)
    return np.where(scaled > threshold, x, curved)


def mish(x: np.ndarray, *, threshold: float) -> np.ndarray:
    """x * tanh(s), where s = log(1 + exp(x)), or x > threshold: x, x < -threshold: exp(x)"""
    curved = np.logaddexp(x, x.dtype.type(0))
    low = np.exp(np.minimum(x, 0))
    return x * np.tanh(np.where(x > threshold, x, np.where(x < -threshold, low, curved)))


def thresholded_relu(x: np.ndarray, *, threshold: float) -> np.ndarray:
    """x where x > threshold, else 0"""
    return np.where(x > threshold, x, x.dtype.type(0))


def prelu(x: np.ndarray, slope: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else slope * x; the slopes broadcast onto x."""
    if x.ndim == 4 and slope.size == x.shape[1] and _lie_channels_last(x, out):
        return _prelu_by_places(x, slope.reshape(-1), out)
    below = np.minimum(x, 0)
    below *= slope
    return np.asarray(np.add(np.maximum(x, 0, out=out), below, out=out))


def _lie_channels_last(x: np.ndarray, out: np.ndarray | None) -> bool:
    return lies_channels_last(x) and (out is None or lies_channels_last(out))


def _prelu_by_places(x: np.ndarray, slope: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """The same where the channels of each place, which have slopes (C,), lie in a row."""
    row = np.resize(slope, -(-ROW // slope.size) * slope.size)

    def bend(x: np.ndarray, y: np.ndarray) -> None:
        below = with_constant(np.minimum, x, 0, None)
        by_rows(np.multiply, below, row, below, unit=slope.size)
        np.add(with_constant(np.maximum, x, 0, y), below, out=y)

    return in_parts(bend, x, out, length=max(1, PART // slope.size) * slope.size)
