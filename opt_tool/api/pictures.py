"""Pictures made from a seed: large smooth areas, edges and a little grain, as photographs have.

Uniform noise has none of them and leaves most trained networks cold.
"""

from __future__ import annotations

import numpy as np

WAVES = 6
ELLIPSES = 10


def picture(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """A picture (height, width, channels) of float32 between 0 and 1."""
    y, x = np.meshgrid(
        np.linspace(0, 1, height, dtype=np.float32),
        np.linspace(0, 1, width, dtype=np.float32),
        indexing="ij",
    )
    image = 0.5 + _waves(rng, y, x, channels)
    for _ in range(ELLIPSES):
        color = rng.uniform(0, 1, channels).astype(np.float32)
        image[_ellipse(rng, y, x)] = color
    image += _waves(rng, y, x, channels) / 3
    image += rng.normal(0, 0.01, image.shape).astype(np.float32)
    return np.clip(image, 0, 1)


def _waves(rng: np.random.Generator, y: np.ndarray, x: np.ndarray, channels: int) -> np.ndarray:
    """Slow waves in every direction, each with a colour of its own."""
    total = np.zeros((*y.shape, channels), np.float32)
    for _ in range(WAVES):
        vertical, horizontal, phase = rng.uniform((-4, -4, 0), (4, 4, 1)).astype(np.float32)
        wave = np.sin(2 * np.float32(np.pi) * (vertical * y + horizontal * x + phase))
        total += wave[..., None] * rng.normal(0, 0.09, channels).astype(np.float32)
    return total


def _ellipse(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Where a turned ellipse lies."""
    (top, left), (long, short) = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.3, 2)
    angle = rng.uniform(0, np.pi)
    along = (y - top) * np.cos(angle) + (x - left) * np.sin(angle)
    across = (x - left) * np.cos(angle) - (y - top) * np.sin(angle)
    return (along / long) ** 2 + (across / short) ** 2 < 1
