"""Activations, element by element; float32 in, float32 out."""

from __future__ import annotations

import numpy as np

from opt_tool.kernels.elementwise import erf


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)"""
    return np.maximum(x, x.dtype.type(0))


def relu6(x: np.ndarray, *, threshold: float = 6.0) -> np.ndarray:
    """min(max(x, 0), threshold)"""
    return np.clip(x, x.dtype.type(0), x.dtype.type(threshold))


def leaky_relu(x: np.ndarray, *, alpha: float) -> np.ndarray:
    """x where x >= 0, else alpha * x"""
    return np.where(x >= 0, x, x * x.dtype.type(alpha))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow: exp only ever sees negative numbers."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def tanh(x: np.ndarray) -> np.ndarray:
    """tanh(x)"""
    return np.tanh(x)


def hard_sigmoid(x: np.ndarray, *, slope: float, offset: float) -> np.ndarray:
    """min(max(slope * x + offset, 0), 1)"""
    number = x.dtype.type
    return np.clip(x * number(slope) + number(offset), number(0), number(1))


def hard_swish(x: np.ndarray, *, threshold: float, scale: float, offset: float) -> np.ndarray:
    """x * min(max(x + offset, 0), threshold) / scale"""
    number = x.dtype.type
    return x * np.clip(x + number(offset), number(0), number(threshold)) / number(scale)


def swish(x: np.ndarray, *, beta: float) -> np.ndarray:
    """x / (1 + exp(-beta * x))"""
    return x * sigmoid(x * x.dtype.type(beta))


def elu(x: np.ndarray, *, alpha: float) -> np.ndarray:
    """x where x >= 0, else alpha * (exp(x) - 1)"""
    return np.where(x >= 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))


def gelu(x: np.ndarray) -> np.ndarray:
    """x * (1 + erf(x / sqrt(2))) / 2"""
    number = x.dtype.type
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
