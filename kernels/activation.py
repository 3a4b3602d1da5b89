"""Activations, element by element; float32 in, float32 out."""

from __future__ import annotations

import numpy as np


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
