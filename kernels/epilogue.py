"""What happens to each part of a convolution's output while it is in the cache.

NumPy's loops are fastest where all operands lie in a row, also those that are constant. So a
constant is written out once as a row that is long enough for the loop and stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from opt_tool.kernels.calls import Call, CallsInPlace, replay
from opt_tool.kernels.memory import aligned_empty, in_a_row, lie_alike
from opt_tool.kernels.planes import InPlace

ROW, SHORTEST_ROW = 8192, 4608
"""The elements of such a row. NumPy copies rows together of which two fit into its buffer."""


PART = 1 << 15
"""How many elements several functions go over before the next ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Epilogue:
    """A bias, one number for each channel and written out as a row, and an activation."""

    row: np.ndarray | None = None
    activate: InPlace | None = None
    channels: int = 1

    @classmethod
    def of(cls, bias: np.ndarray | None, activate: InPlace | None = None) -> Epilogue:
        """What adds a bias (C,), if there is one, and activates."""
        if bias is None:
            return cls(None, activate)
        row = np.empty((-(-ROW // len(bias)), len(bias)), bias.dtype)
        row[...] = bias
        return cls(row.reshape(-1), activate, len(bias))

    def __call__(self, part: np.ndarray) -> None:
        """Finish places (..., C) that lie in a row."""
        replay(self.calls(part))

    def calls(self, part: np.ndarray) -> Iterator[Call]:
        """What finishes them."""
        flat = part.reshape(-1)
        yield from self._shifting(flat)
        yield from self._activating(flat)

    def _shifting(self, flat: np.ndarray) -> Iterator[Call]:
        if self.row is not None:
            yield from row_calls(np.add, flat, self.row, flat, unit=self.channels)

    @property
    def without_bias(self) -> Epilogue:
        """The activation alone."""
        return Epilogue(None, self.activate)

    @property
    def without_activation(self) -> Epilogue:
        """The bias alone."""
        return Epilogue(self.row, None, self.channels)

    def shift(self, places: int, channels: int, dtype: np.dtype[np.generic]) -> np.ndarray:
        """The bias of so many places with so many channels each, in a row; 0 without one."""
        length = places * channels
        if self.row is None:
            return np.zeros(length, dtype)
        return self.row[:length] if length <= len(self.row) else np.resize(self.row, length)

    def calls_onto(self, part: np.ndarray, added: np.ndarray, out: np.ndarray) -> Iterator[Call]:
        """What writes to ``out`` what becomes of ``part`` and is added to it before activation.

        All are places (..., C); ``part`` and ``out`` lie in a row, and ``out`` may be ``added``.
        """
        yield from self._shifting(part.reshape(-1))
        yield partial(np.add, part, added, out=out)
        yield from self._activating(out.reshape(-1))

    def _activating(self, flat: np.ndarray) -> Iterator[Call]:
        if isinstance(self.activate, CallsInPlace):
            yield from self.activate.calls(flat)
        elif self.activate is not None:
            yield partial(self.activate, flat)


class Target:
    """An output that is made in parts, each in the cache before it goes where it belongs.

    Attributes:
        out: The output, channels last.
        added: What is added to it, which may be in the same memory.
        space: Memory to make parts in where something is added, as large as the first.
    """

    def __init__(
        self,
        out: np.ndarray,
        added: np.ndarray | None,
        finish: Epilogue,
        space: np.ndarray | None = None,
    ) -> None:
        self.out = out
        self.added = added
        self._finish = finish
        self._space = space

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
        replay(self.ending(part, made))

    def ending(self, part: slice, made: np.ndarray) -> Iterator[Call]:
        """What finishes it."""
        if self.added is None:
            return self._finish.calls(made)
        return self._finish.calls_onto(made, self.added[part], self.out[part])


def by_rows(
    function: np.ufunc, x: np.ndarray, row: np.ndarray, out: np.ndarray, *, unit: int = 1
) -> None:
    """function(x, row, row, ...) for x and out that lie in a row, whose ``unit`` repeats."""
    replay(row_calls(function, x, row, out, unit=unit))


def row_calls(
    function: np.ufunc, x: np.ndarray, row: np.ndarray, out: np.ndarray, *, unit: int
) -> Iterator[Call]:
    """What ``by_rows`` does."""
    if len(x) <= len(row):
        yield partial(function, x, row[: len(x)], out=out)
        return
    count = equal_rows(len(x), len(row), unit)
    length = len(x) // count if count else len(row)
    whole = len(x) - len(x) % length
    shape = (-1, length)
    yield partial(function, x[:whole].reshape(shape), row[:length], out=out[:whole].reshape(shape))
    if whole < len(x):
        yield partial(function, x[whole:], row[: len(x) - whole], out=out[whole:])


@lru_cache(maxsize=1024)
def equal_rows(length: int, most: int, unit: int) -> int:
    """Into how few rows of whole units, all equally long, a length is cut; 0 where it is not.

    ``most`` is how long they may be; rows that are too short would be copied together.
    """
    counts = range(-(-length // most), length // SHORTEST_ROW + 1)
    return next((count for count in counts if length % (count * unit) == 0), 0)


def in_parts(
    function: Callable[[np.ndarray, np.ndarray], object],
    x: np.ndarray,
    out: np.ndarray | None,
    *,
    length: int = PART,
) -> np.ndarray:
    """function(x, out), element by element, for one part after the other that stays in the cache.

    That pays where it goes over them more than once; ``out`` may be x.
    """
    y = np.empty_like(x) if out is None else out
    source = in_a_row(x)
    target = source if y is x else in_a_row(y)
    if source is None or target is None or not lie_alike(x, y):
        function(x, y)
        return y
    for start in range(0, len(source), length):
        function(source[start : start + length], target[start : start + length])
    return y


def with_constant(
    function: np.ufunc, x: np.ndarray, value: float, out: np.ndarray | None
) -> np.ndarray:
    """function(x, value) for maxima and minima: NumPy's are slow against a single number."""
    y = np.empty_like(x) if out is None else out
    source = in_a_row(x)
    target = source if y is x else in_a_row(y)
    if source is None or target is None or not lie_alike(x, y):
        return np.asarray(function(x, x.dtype.type(value), out=y))
    by_rows(function, source, constant_row(value, x.dtype), target)
    return y


PLAIN = Epilogue()
"""Neither a bias nor an activation."""


@lru_cache(maxsize=16)
def constant_row(value: float, dtype: np.dtype[np.generic]) -> np.ndarray:
    """A number written out; always the same row, so that it stays in the cache."""
    row = np.full(ROW, value, dtype)
    row.flags.writeable = False
    return row
