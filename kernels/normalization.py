"""Normalization by given statistics or by those of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from opt_tool.kernels.memory import rows_where_they_lie


def batch_norm(
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalize the channels of x (N, C, ...); the parameters are (C,); ``out`` may be x."""
    factor = scale / np.sqrt(variance + variance.dtype.type(epsilon))
    shape = (-1,) + (1,) * (x.ndim - 2)
    with rows_where_they_lie(math.prod(x.shape[2:])):
        y = np.multiply(x, factor.reshape(shape), out=out)
        return np.add(y, (bias - mean * factor).reshape(shape), out=y)


def standardize(x: np.ndarray, *, axes: Sequence[int], epsilon: float) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon), the statistics over ``axes``."""
    centred = x - x.mean(axis=tuple(axes), keepdims=True)
    variance = np.mean(np.square(centred), axis=tuple(axes), keepdims=True)
    return centred / np.sqrt(variance + x.dtype.type(epsilon))


def affine(x: np.ndarray, scale: np.ndarray | None, bias: np.ndarray | None) -> np.ndarray:
    """x (N, C, ...) times scale (C,) plus bias (C,)."""
    shape = (-1,) + (1,) * (x.ndim - 2)
    y = x if scale is None else x * scale.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def instance_norm(
    x: np.ndarray,
    scale: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    *,
    epsilon: float,
) -> np.ndarray:
    """Normalize each plane of x (N, C, H, W); the parameters are (C,)."""
    return affine(standardize(x, axes=(2, 3), epsilon=epsilon), scale, bias)


def group_norm(
    x: np.ndarray,
    scale: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    *,
    groups: int,
    epsilon: float,
) -> np.ndarray:
    """Normalize groups of channels of x (N, C, H, W); the parameters are (C,)."""
    grouped = x.reshape(x.shape[0], groups, -1)
    y = standardize(grouped, axes=(2,), epsilon=epsilon).reshape(x.shape)
    return affine(y, scale, bias)


def layer_norm(
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    *,
    begin_norm_axis: int,
    epsilon: float,
) -> np.ndarray:
    """Normalize x over its dimensions from ``begin_norm_axis`` on; the parameters are vectors."""
    inner = x.shape[begin_norm_axis:]
    y = standardize(x, axes=range(begin_norm_axis, x.ndim), epsilon=epsilon)
    return y * scale.reshape(inner) + bias.reshape(inner)
