"""What happens to each part of a convolution's output while it is in the cache.

NumPy's loops are fastest where all operands lie in a row, also those that are constant. So a
constant is written out once as a row that is long enough for the loop and stays in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from opt_tool.kernels.memory import aligned_empty, in_a_row
from opt_tool.kernels.planes import InPlace

ROW = 8192
"""The elements of such a row: NumPy's own buffer, below which it copies rows together."""


@dataclass(frozen=True, slots=True, eq=False)
class Epilogue:
    """A bias, one number for each channel and written out as a row, and an activation."""

    row: np.ndarray | None
    activate: InPlace | None

    @classmethod
    def of(cls, bias: np.ndarray | None, activate: InPlace | None) -> Epilogue:
        if bias is None:
            return cls(None, activate)
        row = np.empty((-(-ROW // len(bias)), len(bias)), bias.dtype)
        row[...] = bias
        return cls(row.reshape(-1), activate)

    def __call__(self, part: np.ndarray) -> None:
        """Finish places (..., C) that lie in a row."""
        flat = part.reshape(-1)
        if self.row is not None:
            by_rows(np.add, flat, self.row, flat)
        if self.activate is not None:
            self.activate(flat)

    def onto(self, part: np.ndarray, added: np.ndarray, out: np.ndarray) -> None:
        """Write to ``out`` what becomes of ``part`` and what is added to it before it is activated.

        All are places (..., C); ``part`` and ``out`` lie in a row, and ``out`` may be ``added``.
        """
        if self.row is not None:
            flat = part.reshape(-1)
            by_rows(np.add, flat, self.row, flat)
        np.add(part, added, out=out)
        if self.activate is not None:
            self.activate(out.reshape(-1))


class Target:
    """An output that is made in parts, each in the cache before it goes where it belongs.

    Attributes:
        out: The output, channels last.
        added: What is added to it, which may be in the same memory.
    """

    def __init__(self, out: np.ndarray, added: np.ndarray | None, finish: Epilogue) -> None:
        self.out = out
        self.added = added
        self._finish = finish
        self._space: np.ndarray | None = None

    def begin(self, part: slice) -> np.ndarray:
        """Memory to make a part in; the first part is the largest."""
        target = self.out[part]
        if self.added is None:
            return target
        if self._space is None:
            self._space = aligned_empty(target.shape, target.dtype)
        return self._space[: len(target)]

    def end(self, part: slice, made: np.ndarray) -> None:
        """Finish what was made in that memory."""
        if self.added is None:
            self._finish(made)
        else:
            self._finish.onto(made, self.added[part], self.out[part])


def by_rows(function: np.ufunc, x: np.ndarray, row: np.ndarray, out: np.ndarray) -> None:
    """function(x, row, row, ...) for x and out that lie in a row."""
    whole = len(x) - len(x) % len(row)
    shape = (-1, len(row))
    if whole:
        function(x[:whole].reshape(shape), row, out=out[:whole].reshape(shape))
    function(x[whole:], row[: len(x) - whole], out=out[whole:])


def with_constant(
    function: np.ufunc, x: np.ndarray, value: float, out: np.ndarray | None
) -> np.ndarray:
    """function(x, value) for maxima and minima: NumPy's are slow against a single number."""
    number = x.dtype.type(value)
    if x.size < ROW:
        return np.asarray(function(x, number, out=out))
    y = np.empty_like(x) if out is None else out
    source, target = in_a_row(x), in_a_row(y)
    if source is None or target is None or x.strides != y.strides:
        return np.asarray(function(x, number, out=y))
    by_rows(function, source, _constant_row(value, x.dtype), target)
    return y


@lru_cache(maxsize=16)
def _constant_row(value: float, dtype: np.dtype[np.generic]) -> np.ndarray:
    """A number written out; always the same row, so that it stays in the cache."""
    row = np.full(ROW, value, dtype)
    row.flags.writeable = False
    return row
