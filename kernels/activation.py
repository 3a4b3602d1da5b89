"""Activations, element by element; float32 in, float32 out."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.kernels.elementwise import erf
from opt_tool.kernels.epilogue import with_constant


def relu(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """max(x, 0); ``out`` may be x, as in all functions that have it."""
    return with_constant(np.maximum, x, 0, out)


def relu6(x: np.ndarray, *, threshold: float = 6.0, out: np.ndarray | None = None) -> np.ndarray:
    """min(max(x, 0), threshold)"""
    number = x.dtype.type
    return x.clip(number(0), number(threshold), out)


def leaky_relu(x: np.ndarray, *, alpha: float, out: np.ndarray | None = None) -> np.ndarray:
    """x where x >= 0, else alpha * x"""
    scaled = x * x.dtype.type(alpha)
    if 0 <= alpha <= 1:
        return np.maximum(x, scaled, out=out)
    y = np.where(x >= 0, x, scaled)
    if out is None:
        return y
    out[...] = y
    return out


def sigmoid(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow: exp only ever sees negative numbers."""
    decay = np.exp(-np.abs(x))
    top = np.where(x >= 0, x.dtype.type(1), decay)
    decay += x.dtype.type(1)
    return np.divide(top, decay, out=out)


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
    gate = np.asarray(x + number(offset))
    np.clip(gate, number(0), number(threshold), out=gate)
    gate *= x
    return np.divide(gate, number(scale), out=out)


def swish(x: np.ndarray, *, beta: float, out: np.ndarray | None = None) -> np.ndarray:
    """x / (1 + exp(-beta * x))"""
    return np.multiply(x, sigmoid(x if beta == 1 else x * x.dtype.type(beta)), out=out)


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


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """x where x > 0, else slope * x; the slopes broadcast onto x."""
    return np.where(x > 0, x, x * slope)
