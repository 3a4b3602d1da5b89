"""Deterministic pictures to feed networks with: photograph-like ones, written text, test digits."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic_pictures import photo as photo

Picture = NDArray[np.float32]

# Capital letters, five by seven dots, rows from the top.
GLYPHS = {
    "A": (" ### ", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"),
    "C": (" ### ", "#   #", "#    ", "#    ", "#    ", "#   #", " ### "),
    "D": ("#### ", "#   #", "#   #", "#   #", "#   #", "#   #", "#### "),
    "E": ("#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"),
    "H": ("#   #", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"),
    "I": (" ### ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "),
    "L": ("#    ", "#    ", "#    ", "#    ", "#    ", "#    ", "#####"),
    "N": ("#   #", "##  #", "# # #", "# # #", "#  ##", "#   #", "#   #"),
    "O": (" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "),
    "P": ("#### ", "#   #", "#   #", "#### ", "#    ", "#    ", "#    "),
    "R": ("#### ", "#   #", "#   #", "#### ", "# #  ", "#  # ", "#   #"),
    "S": (" ####", "#    ", "#    ", " ### ", "    #", "    #", "#### "),
    "T": ("#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "),
    "U": ("#   #", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "),
}
ROWS, COLUMNS = 7, 5


def text(seed: int, height: int, width: int, *, dot: int = 3) -> Picture:
    """Lines of dark random words on light paper (height, width, 3), values 0 to 255.

    Args:
        seed: Decides the words and the colours.
        height: Rows of the picture; as many lines as fit are written.
        width: Columns of the picture.
        dot: Pixels along each side of one dot of a letter.
    """
    rng = np.random.default_rng(seed)
    ink = np.zeros((height, width), bool)
    line_height = dot * (ROWS + 5)
    for top in range(dot * 2, height - dot * ROWS + 1, line_height):
        _write_line(ink, rng, top, dot)
    paper, pen = rng.uniform(200, 255, 3), rng.uniform(0, 60, 3)
    picture = np.where(ink[..., None], pen, paper) + rng.normal(0, 2, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.float32)


def _write_line(ink: NDArray[np.bool_], rng: np.random.Generator, top: int, dot: int) -> None:
    left = dot * int(rng.integers(2, 6))
    letters_to_gap = int(rng.integers(3, 8))
    while left + dot * COLUMNS <= ink.shape[1] - dot:
        if letters_to_gap == 0:
            letters_to_gap = int(rng.integers(3, 8))
        else:
            glyph = GLYPHS[str(rng.choice(list(GLYPHS)))]
            dots = np.array([[mark == "#" for mark in row] for row in glyph])
            block = dots.repeat(dot, 0).repeat(dot, 1)
            ink[top : top + dot * ROWS, left : left + dot * COLUMNS] = block
            letters_to_gap -= 1
        left += dot * (COLUMNS + 1)


def fashion_test_set(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The 10,000 test pictures (N, 28, 28) of Fashion-MNIST and their labels (N,)."""
    return _idx(folder / "t10k-images-idx3-ubyte.gz"), _idx(folder / "t10k-labels-idx1-ubyte.gz")


def _idx(path: Path) -> NDArray[np.uint8]:
    """An array of bytes in the IDX format: 0, 0, type 8, rank, big-endian sizes, data."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
