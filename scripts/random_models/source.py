"""What the tool needs of a format: rules, files and a reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from random_models.drawing import Draw, Menu
from random_models.model import RandomModel

Results: TypeAlias = "list[list[np.ndarray]]"
"""For each of the model's feeds its outputs in order."""


class Source(Protocol):
    """A format of source models."""

    @property
    def name(self) -> str:
        """The format's name."""

    @property
    def menu(self) -> Menu:
        """The rules."""

    def begin(self, d: Draw) -> None:
        """Give the model its first input, and its opset where there are some."""

    def write(self, model: RandomModel, folder: Path) -> tuple[Path, ...]:
        """Write the model's files."""

    def try_out(self, model: RandomModel, folder: Path) -> np.ndarray | None:
        """What the model's one output is, as long as it grows; None where it cannot be run."""

    def expected(self, models: Sequence[RandomModel], folder: Path) -> list[Results | None]:
        """What the format's own runtime computes of each; None where it runs none of them."""


SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16)
CHANNELS = (1, 2, 3, 4, 5, 8, 9, 16)
LARGER = (19, 25, 32, 33, 48)
"""Sizes at which kernels take other ways."""


def first_shape(d: Draw) -> list[int]:
    """A shape (N, C, H, W) of a small picture, or any other."""
    if d.chance(0.7):
        sizes = (*SIZES, *LARGER) if d.chance(0.2) else SIZES
        channels = (*CHANNELS, 24, 32) if d.chance(0.2) else CHANNELS
        return [d.pick((1, 1, 2)), d.pick(channels), d.pick(sizes), d.pick(sizes)]
    return [d.pick((1, 2, 3, 4, 6)) for _ in range(d.pick((1, 2, 2, 3, 3, 3, 5)))]
