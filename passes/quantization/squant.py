"""Round so that the errors of each kernel and of each channel add up to almost nothing.

Guo et al., "SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation",
ICLR 2022 (https://openreview.net/forum?id=JXhROKNZzOc). The error of an output is the sum
of weight errors times inputs, and inputs of one kernel, and of one channel, are alike: where
the errors cancel, so do most of the output's errors. Three steps, errors counted in steps of
the scale:

1. element: round to the nearest; each error is at most 1/2;
2. kernel: while the errors of a kernel add up to more than 1/2, round the elements with the
   largest errors of that sign the other way;
3. channel: the same over a channel, at most one element of each kernel.

Afterwards each element is off by less than 1, each kernel's sum by at most 1 (1/2 before
step 3), each channel's by at most 1/2, unless clipped elements leave too few to turn.
"""

from __future__ import annotations

import numpy as np

from opt_tool.passes.quantization.grid import round_to_nearest


def squant(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The integers, as float32."""
    rounded = round_to_nearest(kernels, scales, limit)
    errors = rounded - kernels / scales[:, None, None]
    if kernels.shape[2] > 1:
        flips = _flips(errors, errors.sum(axis=2), _movable(rounded, errors, limit))
        rounded -= flips
        errors -= flips
    _balance_channels(rounded, errors, limit)
    return rounded


def _movable(rounded: np.ndarray, errors: np.ndarray, limit: int) -> np.ndarray:
    """Which elements may be turned: not those turned already, none beyond the limit."""
    return (np.abs(errors) <= 0.5) & (np.abs(rounded - np.sign(errors)) <= limit)


def _flips(errors: np.ndarray, sums: np.ndarray, movable: np.ndarray) -> np.ndarray:
    """What to subtract along the last axis, -1, 0 or 1, so that the sums come down to 1/2.

    Turned are the elements with the largest errors of the sum's sign, the first ones of
    those that are equal.
    """
    signs = np.sign(sums)[..., None]
    counts = np.ceil(np.abs(sums) - 0.5)[..., None]
    fit = movable & (errors * signs > 0)
    order = np.argsort(np.where(fit, -np.abs(errors), np.float32(1)), axis=-1, kind="stable")
    chosen = np.zeros(errors.shape, bool)
    np.put_along_axis(chosen, order, np.arange(errors.shape[-1]) < counts, axis=-1)
    return np.where(chosen & fit, signs, np.float32(0))


def _balance_channels(rounded: np.ndarray, errors: np.ndarray, limit: int) -> None:
    """Turn one element in each of some kernels, so that the sums of channels come down."""
    kernel_sums = errors.sum(axis=2)
    sums = kernel_sums.sum(axis=1)
    signs = np.sign(sums)[:, None, None]
    fit = _movable(rounded, errors, limit) & (errors * signs > 0)
    candidates = np.where(fit, np.abs(errors), np.float32(-1)).argmax(axis=2)[..., None]
    has_candidate = np.take_along_axis(fit, candidates, axis=2)[..., 0]
    flips = _flips(kernel_sums, sums, has_candidate)[..., None]
    for array in (rounded, errors):
        turned = np.take_along_axis(array, candidates, axis=2) - flips
        np.put_along_axis(array, candidates, turned, axis=2)
