"""Pictures made from a seed: smooth areas, edges, a little grain and a sign with letters on it.

Uniform noise has none of what photographs have and leaves most trained networks cold; those
that look for text need some.
"""

from __future__ import annotations

import numpy as np

WAVES = 6
ELLIPSES = 10
LETTERS = {
    "A": (0x0E, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11),
    "E": (0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F),
    "H": (0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11),
    "K": (0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11),
    "N": (0x11, 0x19, 0x15, 0x15, 0x13, 0x11, 0x11),
    "O": (0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E),
    "P": (0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10),
    "S": (0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E),
    "T": (0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04),
}
"""Seven rows of five dots, the highest bit at the left."""


def picture(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """A picture (height, width, channels) of float32 between 0 and 1."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)
    planes = 0.5 + _waves(rng, y, x, channels)
    for _ in range(ELLIPSES):
        color = rng.uniform(0, 1, channels).astype(np.float32)
        planes[:, _ellipse(rng, y, x)] = color[:, None]
    planes += _waves(rng, y, x, channels) / 3
    image = np.ascontiguousarray(planes.transpose(1, 2, 0))
    _put_sign(rng, image)
    image += rng.normal(0, 0.01, image.shape).astype(np.float32)
    return np.clip(image, 0, 1)


def _waves(rng: np.random.Generator, y: np.ndarray, x: np.ndarray, channels: int) -> np.ndarray:
    """Slow waves in every direction, each with a colour of its own, as (channels, H, W)."""
    total = np.zeros((channels, len(y), len(x)), np.float32)
    for _ in range(WAVES):
        vertical, horizontal, phase = rng.uniform((-4, -4, 0), (4, 4, 1)).astype(np.float32)
        wave = np.sin(2 * np.float32(np.pi) * (vertical * y + horizontal * x + phase))
        total += wave * rng.normal(0, 0.09, channels).astype(np.float32)[:, None, None]
    return total


def _ellipse(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Where a turned ellipse lies."""
    (top, left), (long, short) = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.3, 2)
    angle = rng.uniform(0, np.pi)
    along = (y - top) * np.cos(angle) + (x - left) * np.sin(angle)
    across = (x - left) * np.cos(angle) - (y - top) * np.sin(angle)
    return (along / long) ** 2 + (across / short) ** 2 < 1


def _put_sign(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a light strip with dark letters over the lower part of a picture."""
    height, width = image.shape[:2]
    dot = max(1, height // 64)
    rows = np.kron(_text_dots(rng, width // (6 * dot)), np.ones((dot, dot), bool))
    text = rows[: height // 2, :width]
    top = height // 2
    strip = image[top : top + text.shape[0], : text.shape[1]]
    strip[...] = np.where(text[..., None], 0.1, 0.9)


def _text_dots(rng: np.random.Generator, count: int) -> np.ndarray:
    """Dots of a line of letters, with a margin of one dot around each."""
    names = rng.choice(list(LETTERS), max(count, 1))
    dots = np.zeros((9, 6 * len(names)), bool)
    for position, name in enumerate(names):
        for row, bits in enumerate(LETTERS[str(name)]):
            for column in range(5):
                dots[row + 1, 6 * position + column] = bits >> (4 - column) & 1
    return dots
