"""Moving elements: copies, cuts, joins and repetitions, of any element type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

KEEP = 0
INFER = -1


def reshape(x: np.ndarray, *, shape: Sequence[int]) -> np.ndarray:
    """X in another shape: a 0 copies the dimension of that index, one -1 is what remains."""
    return x.reshape([x.shape[i] if dim == KEEP else dim for i, dim in enumerate(shape)])


def flatten(x: np.ndarray, *, axis: int) -> np.ndarray:
    """X as a matrix: the dimensions before ``axis`` by the others."""
    return x.reshape(int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))


def flatten_range(x: np.ndarray, *, start_axis: int, stop_axis: int) -> np.ndarray:
    """X with the dimensions from one axis to another, both included, as one."""
    start, stop = start_axis % x.ndim, stop_axis % x.ndim
    flat = int(np.prod(x.shape[start : stop + 1]))
    return x.reshape(*x.shape[:start], flat, *x.shape[stop + 1 :])


def squeeze(x: np.ndarray, *, axes: Sequence[int]) -> np.ndarray:
    """X without the dimensions ``axes``; without all of size 1 when that is empty."""
    return x.squeeze(tuple(axes) if axes else None)


def unsqueeze(x: np.ndarray, *, axes: Sequence[int]) -> np.ndarray:
    """X with dimensions of size 1 put in, one after the other."""
    for axis in axes:
        x = np.expand_dims(x, int(axis))
    return x


def transpose(x: np.ndarray, *, axis: Sequence[int], out: np.ndarray | None = None) -> np.ndarray:
    """X with its dimensions in another order, laid out anew."""
    y = np.empty([x.shape[a] for a in axis], x.dtype) if out is None else out
    np.copyto(y, x.transpose(axis))
    return y


def concat(arrays: Sequence[np.ndarray], *, axis: int, out: np.ndarray | None = None) -> np.ndarray:
    """Arrays one behind the other."""
    return np.concatenate(arrays, axis, out=out)


def stack(arrays: Sequence[np.ndarray], *, axis: int) -> np.ndarray:
    """Arrays side by side along a new axis."""
    return np.stack(arrays, axis)


def split(x: np.ndarray, *, axis: int, num: int, sections: Sequence[int]) -> list[np.ndarray]:
    """X cut into ``num`` equal parts, or into parts of ``sections``, one of them maybe -1."""
    if num > 0:
        return np.split(x, num, axis)
    rest = x.shape[axis] - sum(section for section in sections if section >= 0)
    sizes = [rest if section == INFER else section for section in sections]
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), axis)


def slice_axes(
    x: np.ndarray,
    *,
    axes: Sequence[int],
    starts: Sequence[int],
    ends: Sequence[int],
    strides: Sequence[int] | None = None,
) -> np.ndarray:
    """Every ``strides``-th element from ``starts`` to before ``ends`` along ``axes``."""
    steps = [1] * len(axes) if strides is None else strides
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(int(start), int(end), int(step))
    return x[tuple(cut)]


def drop_axes(x: np.ndarray, *, axes: Sequence[int]) -> np.ndarray:
    """X without the dimensions ``axes``, all of size 1; a vector when none remains."""
    return x if not axes else np.atleast_1d(x.squeeze(tuple(axes)))


def shuffle_channel(x: np.ndarray, *, group: int) -> np.ndarray:
    """The channels of x (N, C, H, W), which lie group by group, one of each group in turn."""
    n, c, h, w = x.shape
    return x.reshape(n, group, c // group, h, w).swapaxes(1, 2).reshape(x.shape)


def pixel_shuffle(x: np.ndarray, *, factor: int) -> np.ndarray:
    """The channels of x (N, C, H, W) in blocks: (N, C / factor², H * factor, W * factor)."""
    n, c, h, w = x.shape
    depth = c // (factor * factor)
    blocks = x.reshape(n, depth, factor, factor, h, w)
    rows = np.einsum("ncijhw->nchiwj", blocks)
    return rows.reshape(n, depth, h * factor, w * factor)


def flip(x: np.ndarray, *, axis: Sequence[int]) -> np.ndarray:
    """X with the order of its elements reversed along the dimensions ``axis``."""
    return np.flip(x, tuple(axis))


def expand(x: np.ndarray, *, shape: Sequence[int]) -> np.ndarray:
    """X repeated along its dimensions of size 1 to ``shape``; a -1 keeps the dimension."""
    padded = (1,) * (len(shape) - x.ndim) + x.shape
    wanted = [old if dim == INFER else int(dim) for old, dim in zip(padded, shape, strict=True)]
    return np.broadcast_to(x, wanted)


def tile(x: np.ndarray, *, repeat_times: Sequence[int]) -> np.ndarray:
    """X repeated along each dimension; the shorter shape is padded by ones in front."""
    return np.tile(x, tuple(int(times) for times in repeat_times))
