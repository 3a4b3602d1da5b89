"""Scale each channel so that the errors left after SQuant's rounding matter least.

At few bits a scale that clips pays (see ``minimum_error_scale``), but clipped weights all
err to one side, and there are too few others to make up for it. So the rounding is done at
each scale of the grid, and what is compared is the squared error of the elements plus the
squared error of each kernel's sum: SQuant's objective (equation 6 of the paper) without its
last term, which the correction of the bias takes care of.

From 8 bits on no clipping was found to help, and none is tried.
"""

from __future__ import annotations

import numpy as np

from opt_tool.passes.quantization.per_channel_max import per_channel_max
from opt_tool.passes.quantization.squant import squant

RATIOS = np.linspace(1.0, 0.6, 21, dtype=np.float32)
UNCLIPPED_LIMIT = 127


def coherent_error_scale(kernels: np.ndarray, limit: int) -> np.ndarray:
    """The scale of each channel; of two that are equally good, the larger."""
    plain = per_channel_max(kernels, limit)
    if limit >= UNCLIPPED_LIMIT:
        return plain
    best = plain.copy()
    error = np.full(len(kernels), np.inf, np.float32)
    for ratio in RATIOS:
        scales = plain * ratio
        found = coherent_error(kernels, scales, limit)
        better = found < error
        best[better], error[better] = scales[better], found[better]
    return best


def coherent_error(kernels: np.ndarray, scales: np.ndarray, limit: int) -> np.ndarray:
    """The squared errors of elements and of kernels' sums, added up for each channel."""
    errors = squant(kernels, scales, limit) * scales[:, None, None] - kernels
    return np.square(errors).sum(axis=(1, 2)) + np.square(errors.sum(axis=2)).sum(axis=1)
