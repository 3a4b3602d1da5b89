"""The smallest choice of bits for each weight whose noise at the outputs stays within a budget.

The noise of each weight at each width was measured with that weight alone quantized; noises
of different weights are taken to be independent, so they add up. Then this is the knapsack
problem with one choice from each class (Sinha and Zoltners, "The Multiple-Choice Knapsack
Problem", Operations Research 27, 1979): starting from the least bytes, take the step with the
most noise removed for each byte, along the lower convex hull of each weight's choices. The
last step taken in part is the optimum of the relaxed problem, which no choice can undercut;
the distance to it is the gap that is stated.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple


class Choice(NamedTuple):
    """One width for one weight: what it takes, and the noise power it makes at the outputs."""

    bits: int
    bytes: int
    noise: float


class Step(NamedTuple):
    """From one choice for a weight to a larger one with less noise."""

    weight: int
    before: Choice
    after: Choice

    @property
    def slope(self) -> float:
        """Noise removed for each byte."""
        return (self.before.noise - self.after.noise) / (self.after.bytes - self.before.bytes)


class Solution(NamedTuple):
    """The bits of each weight, what they add up to, and bytes that no solution undercuts."""

    bits: tuple[int, ...]
    bytes: int
    noise: float
    least_bytes: float

    @property
    def gap(self) -> float:
        """By how much of the bound the bytes are above it, at most."""
        return self.bytes / self.least_bytes - 1 if self.least_bytes > 0 else 0.0


def choose_bits(choices: Sequence[Sequence[Choice]], budget: float) -> Solution:
    """The bits of each weight for a noise budget.

    Args:
        choices: What each weight can have; the last one must make no noise.
        budget: The noise power that all together may make.
    """
    hulls = [lower_hull(options) for options in choices]
    chosen = [hull[0] for hull in hulls]
    steps = [
        Step(index, before, after)
        for index, hull in enumerate(hulls)
        for before, after in itertools.pairwise(hull)
    ]
    noise = sum(choice.noise for choice in chosen)
    least_bytes = float(sum(choice.bytes for choice in chosen))
    for step in sorted(steps, key=lambda step: -step.slope):
        if noise <= budget:
            break
        removed = step.before.noise - step.after.noise
        part = min(1.0, (noise - budget) / removed)
        least_bytes += part * (step.after.bytes - step.before.bytes)
        noise -= removed
        chosen[step.weight] = step.after
    return Solution(
        tuple(choice.bits for choice in chosen),
        sum(choice.bytes for choice in chosen),
        sum(choice.noise for choice in chosen),
        least_bytes,
    )


def lower_hull(options: Sequence[Choice]) -> list[Choice]:
    """The choices that a best mix can hold: ever more bytes, ever less noise removed by each."""
    hull: list[Choice] = []
    for option in sorted(options, key=lambda choice: (choice.bytes, choice.noise)):
        if hull and option.noise >= hull[-1].noise:
            continue
        while len(hull) > 1 and _is_above(hull[-2], hull[-1], option):
            hull.pop()
        hull.append(option)
    return hull


def _is_above(a: Choice, b: Choice, c: Choice) -> bool:
    """Whether b lies on or above the line from a to c."""
    return Step(0, b, c).slope >= Step(0, a, b).slope
