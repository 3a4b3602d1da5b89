"""1x1 convolution: one matrix product, some places at a time so that they stay in the cache."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from opt_tool.kernels.epilogue import PLAIN, Epilogue, Target
from opt_tool.kernels.memory import channels_last, element_type, hand_over, output_for
from opt_tool.kernels.products import multiply

OUTPUT_BYTES = 1024 * 1024
"""How much of the output is made at once."""

FEWEST_WINDOWS = 784
"""Products of fewer windows than this would read the weights too often."""


def pointwise_conv2d(
    x: np.ndarray,
    filters: np.ndarray,
    finish: Epilogue = PLAIN,
    *,
    residual: np.ndarray | None = None,
    small: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve x (N, C, H, W) with filters to (N, O, H, W).

    Args:
        x: The input.
        filters: What ``convolution.filter_matrix`` makes of the weight.
        finish: A bias and an activation, applied to the output while it is in the cache.
        residual: Added before the activation.
        small: Whether BLAS is fast at small products, see ``products``.
        out: Where to write the output, which may be ``residual``.
    """
    batch, channels, height, width = x.shape
    groups, count = len(filters), batch * height * width
    filter_count = filters.size // filters.shape[2]
    y = output_for(out, (batch, filter_count, height, width), element_type(x, filters))
    places = channels_last(x).reshape(count, groups, channels // groups)
    made = y.reshape(count, filter_count)
    added = None if residual is None else channels_last(residual).reshape(made.shape)
    target = Target(made, added, finish)
    step = places_at_once(count, max(FEWEST_WINDOWS, OUTPUT_BYTES // (filter_count * y.itemsize)))
    for start in range(0, count, step):
        part = slice(start, start + step)
        begun = target.begin(part)
        multiply(places[part], filters, begun.reshape(len(begun), groups, -1), small=small)
        target.end(part, begun)
    return hand_over(y, out)


@lru_cache(maxsize=1024)
def places_at_once(count: int, fitting: int) -> int:
    """Into parts of how many places ``count`` are cut: equal ones, unless they got too small."""
    fewest = max(1, -(-count // fitting))
    equal = (parts for parts in range(fewest, 2 * fewest) if count % parts == 0)
    return -(-count // next(equal, fewest))
