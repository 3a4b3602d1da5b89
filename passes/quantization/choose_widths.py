"""How many bits each weight gets when they are not measured.

The bits asked for, except where the user says otherwise, and except that in a file of 8 bits
some weights take 16: depthwise filters, whose errors are not averaged over many inputs and
which Paddle Lite's own converter leaves in 32, and the smallest of the others as long as what
they add is next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opt_tool.ir.operations.convolution import Conv2D
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
        spare: What share of the float bytes small weights may add by having 16 bits instead
            of 8; where it is 0 depthwise filters have 8 too.
        chosen: What the user wants of some weights.
    """
    open_weights = [weight for weight in weights if weight not in chosen]
    wide = widened(open_weights, spare) if bits == 8 and spare > 0 else set()
    widths = {weight: WIDE if weight in wide else bits for weight in open_weights}
    return {weight: chosen.get(weight, widths.get(weight, bits)) for weight in weights}


def widened(weights: Sequence[Weight], spare: float) -> set[Weight]:
    """The weights that take 16 bits in a file of 8."""
    wide = {weight for weight in weights if is_depthwise(weight)}
    left = spare * sum(weight.bytes_at(FLOAT) for weight in weights)
    others = (weight for weight in weights if weight not in wide)
    for weight in sorted(others, key=lambda weight: weight.bytes_at(8)):
        left -= weight.bytes_at(WIDE) - weight.bytes_at(8)
        if left < 0:
            break
        wide.add(weight)
    return wide


def is_depthwise(weight: Weight) -> bool:
    """Whether each filter sees one channel of several."""
    op = weight.node.op
    return isinstance(op, Conv2D) and op.groups > 1 and weight.value.type.static_shape[1] == 1
