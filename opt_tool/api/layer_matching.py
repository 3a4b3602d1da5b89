"""Finds for each operation of one graph the one of another graph that does the same work.

The operations of two graphs are lined up in execution order by what they are and by the
shapes of what they make. Two graphs that the same passes made line up one to one; where one
has an operation more, only that one is left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from opt_tool.ir import Graph, Node, Quantization, Value
from opt_tool.ir.graph import along

Key: TypeAlias = tuple[object, ...]
STEPS = 2.0
"""No rule of rounding moves a weight by more steps, unless it clips it to the largest integer."""

OPEN = -1
"""Any dimension that is not a number: its name proves nothing."""


@dataclass(frozen=True, slots=True)
class MatchedNodes:
    """Two operations that do the same work."""

    reference: Node
    candidate: Node


@dataclass(frozen=True, slots=True)
class WeightDifference:
    """How far a constant of the candidate is from the reference's.

    ``reference`` and ``candidate`` are its names, ``differing`` counts the numbers that
    differ out of ``size``; ``bits`` are those that the candidate stores it in, and
    ``astray`` counts the integers that are further off than any rounding moves them.
    """

    reference: str
    candidate: str
    differing: int
    size: int
    max_rel_error: float | None
    bits: int | None
    astray: int = 0


class Matching:
    """The matched operations of two graphs, in the candidate's order, and their values.

    Attributes:
        nodes: The pairs.
        values: For each value of the candidate that is known the reference's.
        complete: Whether each operation of each graph has a partner.
    """

    def __init__(self, reference: Graph, candidate: Graph) -> None:
        ours, theirs = list(reference.nodes), list(candidate.nodes)
        self.nodes = tuple(
            MatchedNodes(ours[i], theirs[j]) for i, j in _aligned(_keys(ours), _keys(theirs))
        )
        self.complete = len(self.nodes) == len(ours) == len(theirs)
        self.values: dict[Value, Value] = dict(
            zip(candidate.inputs, reference.inputs, strict=False)
        )
        for pair in self.nodes:
            self.values.update(
                zip(pair.candidate.outputs.flat(), pair.reference.outputs.flat(), strict=True)
            )

    def reads_known(self, node: Node) -> bool:
        """Whether all that a node of the candidate reads is a constant or has a partner."""
        return all(value.is_constant or value in self.values for value in node.inputs.flat())


def _keys(nodes: Sequence[Node]) -> list[Key]:
    return [(node.op.type, tuple(_sizes(value) for value in node.outputs.flat())) for node in nodes]


def _sizes(value: Value) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else OPEN for dim in value.shape)


def _aligned(ours: list[Key], theirs: list[Key]) -> list[tuple[int, int]]:
    if ours == theirs:
        return [(i, i) for i in range(len(ours))]
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


def weight_difference(pair: MatchedNodes) -> WeightDifference | None:
    """The constant of two operations that differs most, None where none does.

    One that is stored as integers comes before all others.
    """
    found = [
        difference
        for slot in pair.candidate.inputs
        for a, b in zip(pair.reference.inputs[slot], pair.candidate.inputs[slot], strict=False)
        if (difference := _constant_difference(a, b)) is not None
    ]
    return max(
        found,
        key=lambda difference: (difference.bits is not None, difference.max_rel_error or 0.0),
        default=None,
    )


def _constant_difference(reference: Value, candidate: Value) -> WeightDifference | None:
    if not (reference.is_constant and candidate.is_constant):
        return None
    a, b = reference.array(), candidate.array()
    if a.shape != b.shape or a.dtype.kind not in "fiu" or b.dtype.kind not in "fiu":
        return None
    wrong = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not wrong.any():
        return None
    error = np.abs(a.astype(np.float64) - b).max()
    scale = float(np.abs(a).max())
    bits = None if candidate.quantization is None else candidate.quantization.bits
    astray = 0 if candidate.quantization is None else _astray(a, candidate, candidate.quantization)
    relative = float(error) / scale if scale > 0 and np.isfinite(error) else None
    return WeightDifference(
        reference.name, candidate.name, int(wrong.sum()), int(wrong.size), relative, bits, astray
    )


def _astray(weight: np.ndarray, stored: Value, quantization: Quantization) -> int:
    """How many stored integers are no rounding of a weight."""
    assert stored.data is not None
    scales = along(quantization.scales, quantization.axis, weight.ndim)
    steps = np.abs(weight / np.where(scales > 0, scales, 1) - stored.data)
    clipped = np.abs(stored.data.astype(np.int32)) >= 2 ** (quantization.bits - 1) - 1
    return int(((steps > STEPS) & ~clipped).sum())
