"""The transform of a signal as a matrix.

One of a known length is linear, so it is a product with a constant matrix whose rows are
the transforms of unit vectors.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.imported_node import ImportedNode

LARGEST = 4096
"""The longest transform whose matrix is put into the file; it grows with the square."""


def transform(size: int, parts: int, length: int, *, inverse: bool, onesided: bool) -> np.ndarray:
    """The matrix (size, parts, bins, 1 or 2) of a transform of ``size`` numbers.

    Args:
        size: How many numbers there are; less than ``length`` are followed by zeros.
        parts: 1 for real numbers, 2 for real and imaginary parts.
        length: The length of the transform.
        inverse: Whether it goes from frequencies to signals.
        onesided: Whether only frequencies up to the middle are there, the signal being real.
    """
    units = np.eye(size)[:, np.newaxis] * np.array([1, 1j])[:parts, np.newaxis]
    if inverse and onesided:
        return np.fft.irfft(units, length)[..., np.newaxis].astype(np.float32)
    spectrum = (np.fft.ifft if inverse else np.fft.fft)(units, length)
    if onesided:
        spectrum = spectrum[..., : length // 2 + 1]
    return np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)


def require_bearable(node: ImportedNode, length: int) -> None:
    """Refuse a transform whose matrix would be larger than a file should hold."""
    if length > LARGEST:
        raise node.unsupported(
            f"a transform of {length} numbers, which opt writes as a matrix (at most {LARGEST}). "
            "Compute it in the application and cut the model behind it"
        )
