"""How many bits each weight gets when they are not measured.

The bits asked for, except where the user says otherwise, and except that the smallest
weights of a file of 8 bits take 16 as long as what they add fits into a share of its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opt_tool.passes.quantization.grid import FLOAT
from opt_tool.passes.quantization.weights import Weight

WIDE = 16


def choose_widths(
    weights: Sequence[Weight], bits: int, spare: float, chosen: Mapping[Weight, int]
) -> dict[Weight, int]:
    """The bits of each weight.

    Args:
        weights: All that can be quantized.
        bits: What a weight gets that nothing else is said of.
        spare: What share of the float bytes 8-bit weights may take, for wider small ones.
        chosen: What the user wants of some weights.
    """
    open_weights = [weight for weight in weights if weight not in chosen]
    wide = widened(open_weights, spare) if bits == 8 else set()
    widths = {weight: WIDE if weight in wide else bits for weight in open_weights}
    return {weight: chosen.get(weight, widths.get(weight, bits)) for weight in weights}


def widened(weights: Iterable[Weight], spare: float) -> set[Weight]:
    """The smallest weights, as many as fit when all may take a share of their float bytes."""
    by_size = sorted(weights, key=lambda weight: weight.bytes_at(8))
    left = sum(spare * weight.bytes_at(FLOAT) - weight.bytes_at(8) for weight in by_size)
    wide = set()
    for weight in by_size:
        left -= weight.bytes_at(WIDE) - weight.bytes_at(8)
        if left < 0:
            break
        wide.add(weight)
    return wide
