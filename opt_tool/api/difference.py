"""How far two tensors are apart, summed up over several samples.

The scale of a tensor is the largest magnitude in the reference over all samples, or the
least scale that is given, where that is larger. Numbers
that are not finite are equal where both sides have the same one; anywhere else they are a
problem that no bound excuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """One tensor of the candidate against the reference's.

    ``sqnr_db`` is None where nothing differs at all, ``cosine`` where one side is zero
    everywhere, ``argmax_agreement`` where there is nothing to choose from. ``before`` names
    the final operation whose input this is; ``problem`` says what no bound excuses.
    """

    name: str
    max_abs_error: float | None
    max_rel_error: float | None
    sqnr_db: float | None
    cosine: float | None
    argmax_agreement: float | None
    before: str | None = None
    problem: str | None = None

    def within(self, bound: float) -> bool:
        return (
            self.problem is None and self.max_rel_error is not None and self.max_rel_error <= bound
        )


def largest(differences: Iterable[Difference]) -> float:
    """The largest difference, of the scale of its tensor."""
    return max((difference.max_rel_error or 0.0 for difference in differences), default=0.0)


class Comparison:
    """Takes in samples of one tensor and makes their Difference."""

    def __init__(self, name: str, before: str | None = None, least_scale: float = 0.0) -> None:
        self.name = name
        self.before = before
        self.problem: str | None = None
        self.scale = 0.0
        self.least_scale = least_scale
        self.varies = False
        self.any_finite = False
        self._error = 0.0
        self._signal = self._noise = self._dot = self._candidate = 0.0
        self._agreed = self._rows = 0
        self._first: np.ndarray | None = None

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Take in one sample."""
        if reference.shape != candidate.shape:
            self.problem = f"shape {list(candidate.shape)}, expected {list(reference.shape)}"
            return
        a = candidate.astype(np.float64)
        b = reference.astype(np.float64)
        self._note_variation(reference)
        self._add_argmax(a, b)
        finite = np.isfinite(a) & np.isfinite(b)
        if not finite.all():
            self._add_not_finite(a[~finite], b[~finite])
            a, b = a[finite], b[finite]
        if a.size:
            self.any_finite = True
            self._error = max(self._error, float(np.abs(a - b).max()))
            self.scale = max(self.scale, float(np.abs(b).max()))
            self._signal += float(np.vdot(b, b))
            self._candidate += float(np.vdot(a, a))
            self._dot += float(np.vdot(a, b))
            self._noise += float(np.square(a - b).sum())

    def result(self) -> Difference:
        """The difference over all samples."""
        if self.problem is not None:
            return Difference(self.name, None, None, None, None, None, self.before, self.problem)
        norm = math.sqrt(self._signal * self._candidate)
        return Difference(
            self.name,
            self._error,
            self._relative_error(),
            self._sqnr(),
            self._dot / norm if norm > 0 else None,
            self._agreed / self._rows if self._rows else None,
            self.before,
            "the reference is zero everywhere, the candidate is not"
            if self.scale == 0 and self._error > 0
            else None,
        )

    def _relative_error(self) -> float | None:
        if self._error == 0:
            return 0.0
        scale = max(self.scale, self.least_scale)
        return self._error / scale if scale > 0 else None

    def _sqnr(self) -> float | None:
        if self._noise == 0 or self._signal == 0:
            return None
        return 10 * math.log10(self._signal / self._noise)

    def _note_variation(self, reference: np.ndarray) -> None:
        if self._first is None:
            self._first = reference
        self.varies = self.varies or not np.array_equal(self._first, reference)

    def _add_not_finite(self, a: np.ndarray, b: np.ndarray) -> None:
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if not same.all():
            a, b = a[~same][0], b[~same][0]
            self.problem = f"{a} where the reference has {b}"

    def _add_argmax(self, a: np.ndarray, b: np.ndarray) -> None:
        """Count the rows whose largest element is the same.

        The classes are on axis 1 of (N, C, H, W), else on the last axis.
        """
        axis = 1 if a.ndim == 4 else a.ndim - 1
        if a.ndim == 0 or a.shape[axis] < 2 or a.size == 0:
            return
        agreed = a.argmax(axis) == b.argmax(axis)
        self._agreed += int(agreed.sum())
        self._rows += agreed.size
