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

BLOCK = 1 << 16
"""How many weights are rounded at once, so that what is computed of them stays in the cache."""


def squant(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The integers, as float32."""
    rounded = np.empty(kernels.shape, np.float32)
    channels = max(1, BLOCK // kernels[0].size)
    for start in range(0, len(kernels), channels):
        block = slice(start, start + channels)
        rounded[block] = _rounded(kernels[block], scales[block], limit)
    return rounded


def _rounded(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The integers of some channels."""
    rounded = round_to_nearest(kernels, scales, limit)
    errors = rounded - kernels / scales[:, None, None]
    if kernels.shape[2] > 1:
        _balance_kernels(rounded, errors, limit)
    _balance_channels(rounded, errors, limit)
    return rounded


def _balance_kernels(rounded: np.ndarray, errors: np.ndarray, limit: int) -> None:
    """Turn elements of each kernel, so that the sums of kernels come down."""
    sums = errors.sum(axis=2)
    sizes = _sizes(rounded, errors, sums[..., None], limit)
    places = np.flatnonzero(turned(sizes, _too_many(sums)))
    steps = np.sign(sums).reshape(-1)[places // errors.shape[2]]
    rounded.reshape(-1)[places] -= steps
    errors.reshape(-1)[places] -= steps


def _balance_channels(rounded: np.ndarray, errors: np.ndarray, limit: int) -> None:
    """Turn one element in each of some kernels, so that the sums of channels come down."""
    kernel_sums = errors.sum(axis=2)
    sums = kernel_sums.sum(axis=1)
    sizes = _sizes(rounded, errors, sums[:, None, None], limit)
    count, elements = kernel_sums.shape[1], errors.shape[2]
    candidates = np.arange(kernel_sums.size) * elements
    if elements > 1:
        candidates += sizes.argmax(axis=2).reshape(-1)
    kernel_sums *= np.sign(sums)[:, None]
    kernel_sums *= (sizes.reshape(-1)[candidates] > 0).reshape(kernel_sums.shape)
    kernels = np.flatnonzero(turned(kernel_sums, _too_many(sums)))
    rounded.reshape(-1)[candidates[kernels]] -= np.sign(sums)[kernels // count]


def _sizes(rounded: np.ndarray, errors: np.ndarray, sums: np.ndarray, limit: int) -> np.ndarray:
    """The errors of the sign of their sums, other numbers than above zero for what must stay.

    That are elements turned already, and those whose turning would lead beyond the limit.
    """
    sizes = errors * np.sign(sums)
    sizes *= np.abs(errors) <= 0.5
    sizes *= np.abs(rounded - np.sign(errors)) <= limit
    return sizes


def _too_many(sums: np.ndarray) -> np.ndarray:
    """How many steps bring sums down to 1/2."""
    return np.ceil(np.abs(sums) - 0.5).astype(np.intp)


def turned(sizes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which elements of each row are its ``counts`` largest, the first ones of equals.

    Elements that are not above zero are never among them.
    """
    least = np.full(counts.shape, np.inf, np.float32)
    some = np.nonzero(counts)
    ascending = np.sort(sizes[some], axis=-1)
    rows, length = np.arange(len(ascending)), ascending.shape[-1]
    places = np.maximum(length - counts[some], 0)
    found = ascending[rows, places]
    least[some] = np.maximum(found, np.finfo(np.float32).smallest_subnormal)
    chosen = sizes >= least[..., None]
    split = (places > 0) & (found > 0) & (ascending[rows, places - 1] == found)
    if split.any():
        divided = tuple(axis[split] for axis in some)
        chosen[divided] = _first_of_equals(sizes[divided], found[split], counts[divided])
    return chosen


def _first_of_equals(sizes: np.ndarray, least: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The ``counts`` largest of each row, of the elements that are ``least`` the first."""
    above, equal = sizes > least[:, None], sizes == least[:, None]
    left = counts - np.count_nonzero(above, axis=-1)
    return above | (equal & (np.cumsum(equal, axis=-1) <= left[:, None]))
