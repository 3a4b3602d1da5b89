"""Pictures made from a seed: what a network sees in a photograph, without a photograph.

They have large smooth areas, edges and a little grain, as photographs have. Uniform noise has none
of them and leaves most trained networks cold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WAVES = 12
SHAPES = 14


def photo(seed: int, height: int, width: int) -> NDArray[np.float32]:
    """A coloured picture (height, width, 3), values 0 to 255."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(
        np.linspace(0, 1, height, dtype=np.float32),
        np.linspace(0, 1, width, dtype=np.float32),
        indexing="ij",
    )
    picture = 127 + _waves(rng, y, x)
    for _ in range(SHAPES):
        inside = _shape(rng, y, x)[..., None]
        color = rng.uniform(0, 255, 3) + _waves(rng, y, x) / 3
        picture = np.where(inside, color, picture)
    picture += rng.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.float32)


def _waves(
    rng: np.random.Generator, y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Slow waves in every direction, each with a colour of its own."""
    total = np.zeros((*y.shape, 3))
    for _ in range(WAVES):
        frequency = rng.uniform(-5, 5, 2)
        phase = rng.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * (frequency[0] * y + frequency[1] * x) + phase)
        total += wave[..., None] * rng.normal(0, 16, 3)
    return total


def _shape(
    rng: np.random.Generator, y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Where a turned ellipse or rectangle lies."""
    center = rng.uniform(0, 1, 2)
    size = rng.uniform(0.03, 0.3, 2)
    angle = rng.uniform(0, np.pi)
    u = (y - center[0]) * np.cos(angle) + (x - center[1]) * np.sin(angle)
    v = (x - center[1]) * np.cos(angle) - (y - center[0]) * np.sin(angle)
    if rng.random() < 0.5:
        return np.asarray((u / size[0]) ** 2 + (v / size[1]) ** 2 < 1)
    return np.asarray((np.abs(u) < size[0]) & (np.abs(v) < size[1]))
