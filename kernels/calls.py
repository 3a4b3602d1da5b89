"""NumPy calls that are made at once, or captured to be made again in every run.

To find the views of the operands that a layer multiplies and adds takes Python as long as small
products take themselves. A kernel that hands over its calls rather than making them may be
captured once for operands that stay where they are, and replayed, as the graphs of CUDA are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

Call: TypeAlias = Callable[[], object]
"""A function of NumPy with its operands."""


def replay(calls: Iterable[Call]) -> None:
    """Make calls one after the other."""
    for call in calls:
        call()
