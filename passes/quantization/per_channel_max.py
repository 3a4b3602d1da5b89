"""Scale each channel so that its largest weight becomes the largest integer.

This is the rule of Paddle Lite's own converter (``post_quant_dynamic_pass.cc``), to the
bit: ``scale = max |w| / limit``, both in float32.
"""

from __future__ import annotations

import numpy as np


def per_channel_max(kernels: np.ndarray, limit: int) -> np.ndarray:
    """The scale of each channel; a channel of zeros gets 1, so that dividing by it is safe.

    A channel so small that its scale would be no normal number counts as zeros: its
    quotients would have no digits left.
    """
    scales = np.abs(kernels).max(axis=(1, 2)) / np.float32(limit)
    scales[scales < np.finfo(np.float32).tiny] = 1
    return scales
