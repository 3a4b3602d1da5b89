"""The geometry of sliding windows along any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Ints = tuple[int, ...]


class Window(NamedTuple):
    """Sizes by spatial axis, outermost first; pads are before and after the axis."""

    kernel: Ints
    strides: Ints
    dilations: Ints
    before: Ints
    after: Ints

    @property
    def extents(self) -> Ints:
        """How far each window reaches, dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def paddings(self) -> tuple[int, int, int, int]:
        """The pads of two axes in Paddle's order: top, bottom, left, right."""
        (top, left), (bottom, right) = self.before, self.after
        return top, bottom, left, right

    @property
    def is_padded(self) -> bool:
        return any(self.before) or any(self.after)

    def axes(self, axes: Sequence[int]) -> Window:
        """The window along some of its axes."""
        return Window(
            *(
                tuple(values[axis] for axis in axes)
                for values in (self.kernel, self.strides, self.dilations, self.before, self.after)
            )
        )

    def planar(self) -> Window:
        """A window of one axis as one of two, the first of them of size 1."""
        if len(self.kernel) != 1:
            return self
        return Window(
            (1, *self.kernel),
            (1, *self.strides),
            (1, *self.dilations),
            (0, *self.before),
            (0, *self.after),
        )
