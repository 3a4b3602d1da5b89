"""How filters lie on planes in tests of convolutions."""

from __future__ import annotations

WINDOWS = [
    ((1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((1, 1), (2, 3), (1, 0, 2, 1), (1, 1)),
    ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ((3, 2), (2, 1), (0, 2, 1, 0), (2, 1)),
    ((2, 5), (3, 2), (1, 1, 3, 2), (1, 2)),
]
"""Kernel, strides, paddings and dilations."""
