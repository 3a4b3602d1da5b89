"""NumPy calls that are made at once, or captured to be made again in every run.

To find the views of the operands that a layer multiplies and adds takes Python as long as small
products take themselves. A kernel that hands over its calls rather than making them may be
captured once for operands that stay where they are, and replayed, as the graphs of CUDA are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Call: TypeAlias = Callable[[], object]
"""A function of NumPy with its operands."""


@dataclass(frozen=True, slots=True)
class CallsInPlace:
    """A function that overwrites the array it is given and hands its calls over."""

    calls: Callable[[np.ndarray], Iterable[Call]]

    def __call__(self, x: np.ndarray) -> None:
        replay(self.calls(x))


def replay(calls: Iterable[Call]) -> None:
    """Make calls one after the other."""
    for call in calls:
        call()
