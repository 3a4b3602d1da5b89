"""Which weights are better left float because several operations read them.

In float they read one constant. The runtime restores integers in place, once for each
operator that names them, so that each operation needs a copy of its own; and where one of
them is not restored at all, the floats are in the file as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opt_tool.ir import Value
from opt_tool.passes.quantization.grid import FLOAT, stored_bits
from opt_tool.passes.quantization.weights import Weight


def better_float(widths: Mapping[Weight, int]) -> set[Weight]:
    """The shared weights that take no less with these bits than as floats."""
    by_value: dict[Value, list[Weight]] = {}
    for weight in widths:
        by_value.setdefault(weight.value, []).append(weight)
    return {
        weight
        for value, weights in by_value.items()
        if len(value.users) > 1 and not _saves(value, weights, widths)
        for weight in weights
    }


def _saves(value: Value, weights: Sequence[Weight], widths: Mapping[Weight, int]) -> bool:
    if len(weights) < len(value.users) or any(widths[weight] == FLOAT for weight in weights):
        return False
    taken = sum(weight.bytes_at(stored_bits(widths[weight])) for weight in weights)
    return taken < value.array().nbytes
