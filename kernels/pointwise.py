"""1x1 convolution: one matrix product, some places at a time so that they stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from opt_tool.kernels.calls import Call, replay
from opt_tool.kernels.epilogue import PLAIN, Epilogue, Target
from opt_tool.kernels.memory import channels_last, element_type, hand_over, output_for
from opt_tool.kernels.planes import shaped
from opt_tool.kernels.products import multiplication

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
    filter_count = filters.size // filters.shape[2]
    y = output_for(out, (len(x), filter_count, *x.shape[2:]), element_type(x, filters))
    replay(pointwise_calls(x, filters, finish, y, residual=residual, small=small))
    return hand_over(y, out)


def pointwise_calls(
    x: np.ndarray,
    filters: np.ndarray,
    finish: Epilogue,
    y: np.ndarray,
    *,
    residual: np.ndarray | None,
    small: bool,
    space: np.ndarray | None = None,
) -> Iterator[Call]:
    """What convolves x (N, C, H, W) to y (N, H, W, O), which lies in a row.

    Where a residual is added, ``space`` has the ``space_bytes`` to make products in. To be
    replayed for another content of x and the residual, both must lie channels last without gaps.
    """
    groups, filter_count = len(filters), y.shape[3]
    made = y.reshape(-1, filter_count)
    places = channels_last(x).reshape(len(made), groups, -1)
    added = None if residual is None else channels_last(residual).reshape(made.shape)
    step = _step(len(made), filter_count, y.itemsize)
    taken = None if added is None or space is None else shaped(space, step, filter_count)
    target = Target(made, added, finish, taken)
    for start in range(0, len(made), step):
        part = slice(start, start + step)
        begun = target.begin(part)
        product = begun.reshape(len(begun), groups, -1)
        yield from multiplication(places[part], filters, product, small=small)
        yield from target.ending(part, begun)


def space_bytes(places: int, filter_count: int, itemsize: int) -> int:
    """How much memory it takes to make what is computed at once for so many places."""
    return _step(places, filter_count, itemsize) * filter_count * itemsize


def _step(places: int, filter_count: int, itemsize: int) -> int:
    return places_at_once(places, max(FEWEST_WINDOWS, OUTPUT_BYTES // (filter_count * itemsize)))


@lru_cache(maxsize=1024)
def places_at_once(count: int, fitting: int) -> int:
    """Into parts of how many places ``count`` are cut: equal ones, unless they got too small."""
    fewest = max(1, -(-count // fitting))
    equal = (parts for parts in range(fewest, 2 * fewest) if count % parts == 0)
    return -(-count // next(equal, fewest))
