"""Pictures of codes and plates that tests draw themselves, values 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from images import COLUMNS, GLYPHS, ROWS, Picture

MODULES = 21
"""The modules along each side of the smallest QR code."""

FINDER = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
"""The square with a dot that stands in three corners."""


def qr_code(seed: int) -> NDArray[np.bool_]:
    """The dark modules of a QR code: finders, timing patterns, and random data."""
    code = np.random.default_rng(seed).random((MODULES, MODULES)) < 0.5
    end = MODULES - len(FINDER)
    for top, left in ((0, 0), (0, end), (end, 0)):
        code[max(top - 1, 0) : top + 8, max(left - 1, 0) : left + 8] = False
        code[top : top + 7, left : left + 7] = FINDER
    timing = np.arange(MODULES) % 2 == 0
    code[6, 8:-8], code[8:-8, 6] = timing[8:-8], timing[8:-8]
    return code


def with_code(picture: Picture, seed: int, *, module: int, place: tuple[int, int]) -> Picture:
    """A picture (height, width, 3) with a QR code on white paper at a place (top, left)."""
    code = np.pad(qr_code(seed), 2).repeat(module, 0).repeat(module, 1)
    (top, left), size = place, len(code)
    found = picture.copy()
    found[top : top + size, left : left + size] = np.where(code[..., None], 20, 240)
    return found


def with_plate(picture: Picture, word: str, *, dot: int, place: tuple[int, int]) -> Picture:
    """A picture with a blue number plate, white letters, at a place (top, left)."""
    glyphs = [[[mark == "#" for mark in row] for row in GLYPHS[letter]] for letter in word]
    ink = np.zeros((ROWS + 4, (COLUMNS + 1) * len(word) + 3), bool)
    for index, glyph in enumerate(glyphs):
        left = 2 + index * (COLUMNS + 1)
        ink[2 : 2 + ROWS, left : left + COLUMNS] = glyph
    ink = ink.repeat(dot, 0).repeat(dot, 1)
    (top, left), (height, width) = place, ink.shape
    found = picture.copy()
    paint = np.where(ink[..., None], (240.0, 240.0, 240.0), (180.0, 70.0, 20.0))
    found[top : top + height, left : left + width] = paint
    return found.astype(np.float32)
