"""The integers that weights become, and how a weight is laid out for the rules.

Every rule sees a weight as (channels, kernels, elements): one scale for each channel, one
kernel for each input channel, one element for each place in the window. A matrix (K, N) has
N channels of K kernels of one element.
"""

from __future__ import annotations

import numpy as np

BITS = range(2, 17)
"""Widths that can be asked for; the file stores those up to 8 in 8 bits, others in 16."""

FLOAT = 32
"""As a number of bits: the weight stays as it is."""

STORED = {8: np.int8, 16: np.int16}
"""What the file stores integers as, by their width there."""


def stored_bits(bits: int) -> int:
    """The width of what the file stores."""
    return FLOAT if bits == FLOAT else 8 if bits <= 8 else 16


def largest(bits: int) -> int:
    """The largest integer of a width; the least is its negative, so that every -q exists."""
    return (1 << (bits - 1)) - 1


def as_kernels(weight: np.ndarray, axis: int) -> np.ndarray:
    """A weight whose channels are on ``axis`` 0 or 1 as (channels, kernels, elements)."""
    channels_first = np.ascontiguousarray(np.moveaxis(weight, axis, 0))
    kernels = channels_first.shape[1] if channels_first.ndim > 1 else 1
    return channels_first.reshape(channels_first.shape[0], kernels, -1)


def from_kernels(kernels: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """What ``as_kernels`` made, in the weight's own shape again."""
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(kernels.reshape(moved), 0, axis))


def round_to_nearest(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The nearest integers as float32, halves away from zero, none beyond ``limit``.

    The quotient is one of float32, as in the runtime's own tool: a quotient in more digits
    would round some halves the other way.
    """
    steps = kernels / scales[:, None, None]
    magnitudes = np.abs(steps)
    whole = np.floor(magnitudes)
    whole += magnitudes - whole >= 0.5  # magnitudes + 0.5 would itself be rounded
    return np.copysign(np.minimum(whole, np.float32(limit)), steps)
