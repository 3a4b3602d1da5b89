"""Store constants with the same contents once.

Before::

    y = conv2d(x, w)
    z = conv2d(y, v)        # v is equal to w, bit for bit

After::

    y = conv2d(x, w)
    z = conv2d(y, w)

Sources repeat tables and filters, and passes make the same factors for many nodes. The
runtime reads float weights and changes none. Quantized ones are restored in place, once for
each operator that names them, so those are never shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

import numpy as np

from opt_tool.ir import Graph, Value
from opt_tool.ir.mapped_arrays import forget
from opt_tool.passes.rewrite import PassReport

FEWEST_ELEMENTS = 16
"""Smaller ones are not worth that they lose their names."""

SAMPLED = 16
"""How many elements are looked at before all are."""


class ShareConstants:
    """Replaces constants by equal ones that come before them."""

    name = "share-constants"

    def run(self, graph: Graph) -> PassReport:
        seen: dict[Hashable, list[Value]] = defaultdict(list)
        changes = 0
        for value in graph.constants:
            if value.quantization is not None or value.array().size < FEWEST_ELEMENTS:
                continue
            alike = seen[_looks(value)]
            same = next((other for other in alike if _are_same(other, value)), None)
            if same is None or not graph.can_replace(value, same):
                alike.append(value)
                forget(value.array())
                continue
            graph.replace_uses(value, same)
            changes += 1
        if changes:
            graph.remove_unused()
        return PassReport(self.name, changes)


def _looks(value: Value) -> Hashable:
    """What is the same for equal constants and cheap to find."""
    array = value.array()
    flat = array.reshape(-1)
    return value.dtype, array.shape, flat[:: max(flat.size // SAMPLED, 1)].tobytes()


def _are_same(one: Value, other: Value) -> bool:
    """Whether contents are equal to the bit, so that 0 and -0 differ and NaNs are equal."""
    return bool(np.array_equal(_bytes(one), _bytes(other)))


def _bytes(value: Value) -> np.ndarray:
    return np.ascontiguousarray(value.array()).reshape(-1).view(np.uint8)
