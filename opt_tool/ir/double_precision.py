"""Graphs in float64, where two ways to compute the same differ by 1e-16 and not by 1e-7.

In float32 a comparison has to excuse what another order of sums makes, and with it excuses
a fault as small as that. The runtime's kernels compute in whatever they are given.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.ir.graph import Graph, Value
from opt_tool.ir.operation import Operation
from opt_tool.ir.types import DType

WIDER: Mapping[DType, DType] = {DType.FLOAT32: DType.FLOAT64}


def in_double_precision(graph: Graph) -> Graph:
    """A copy of a graph whose 32-bit floats are 64-bit ones: inputs, constants, attributes."""
    wide = Graph(graph.name)
    copies: dict[Value, Value] = {}
    for value in graph.inputs:
        dtype = WIDER.get(value.dtype, value.dtype)
        copies[value] = wide.add_input(value.name, value.type.with_dtype(dtype))
    for value in graph.values.values():
        if value.is_constant:
            copies[value] = wide.add_constant(value.name, _wide_array(value.array()))
    for node in graph.nodes:
        outputs = tuple(node.outputs.flat())
        made = wide.add(
            _wide_operation(node.op),
            node.inputs.map(copies.__getitem__),
            name=node.name,
            outputs=[value.name for value in outputs],
            sources=node.sources,
        )
        copies.update(zip(outputs, made.outputs.flat(), strict=True))
    wide.outputs = [copies[value] for value in graph.outputs]
    return wide


def _wide_array(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _wide_operation(op: Operation) -> Operation:
    """The operation with the wider type where an attribute is the narrower."""
    changed = {
        name: WIDER[value]
        for name, value in op.attributes.items()
        if isinstance(value, DType) and value in WIDER
    }
    return op.replaced(**changed)
