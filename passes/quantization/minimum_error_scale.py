"""Scale each channel so that the mean squared error of its weights is least.

A scale smaller than max |w| / limit clips the largest weights and makes all the others more
exact. The best of a grid of such scales is taken for each channel, as in Choukroun et al.,
"Low-bit Quantization of Neural Networks for Efficient Inference", ICCV workshops 2019
(https://arxiv.org/abs/1902.06822); theirs is one scale for each kernel.
"""

from __future__ import annotations

import numpy as np

from opt_tool.passes.quantization.grid import round_to_nearest
from opt_tool.passes.quantization.per_channel_max import per_channel_max

RATIOS = np.linspace(1.0, 0.4, 31, dtype=np.float32)
"""What to try as parts of the scale that clips nothing, from the first on."""

WORSE = 4
"""How many ratios in a row may be worse for every channel before the search ends."""


def minimum_error_scale(kernels: np.ndarray, limit: int) -> np.ndarray:
    """The scale of each channel; of two that are equally good, the larger."""
    plain = per_channel_max(kernels, limit)
    best, error = plain.copy(), squared_error(kernels, plain, limit)
    worse = 0
    for ratio in RATIOS[1:]:
        scales = plain * ratio
        found = squared_error(kernels, scales, limit)
        better = found < error
        best[better], error[better] = scales[better], found[better]
        worse = 0 if better.any() else worse + 1
        if worse == WORSE:
            break
    return best


def squared_error(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The squared error of each channel when its weights are rounded to the nearest."""
    rounded = round_to_nearest(kernels, scales, limit)
    rounded *= scales[:, None, None]
    rounded -= kernels
    flat = rounded.reshape(len(kernels), -1)
    return np.einsum("ce,ce->c", flat, flat)
