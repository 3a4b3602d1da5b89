"""Graphs in float64, where two ways to compute the same differ by 1e-16 and not by 1e-7.

In float32 a comparison has to excuse what a different order of sums makes, and with it
excuses a fault as small as that. The runtime's kernels compute in whatever they are given.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from opt_tool.ir import DType, Graph, Operation


def in_double_precision(graph: Graph) -> Graph:
    """A copy of a graph whose 32-bit floats are 64-bit ones: inputs, constants, attributes."""
    wide = copy.deepcopy(graph)
    for value in wide.values.values():
        if value.data is not None and value.data.dtype == np.float32:
            value.data = value.data.astype(np.float64)
        if value.dtype is DType.FLOAT32:
            value.type = value.type.with_dtype(DType.FLOAT64)
    for node in wide.nodes:
        node.op = _wide(node.op)
    for node in wide.nodes:
        wide.infer(node)
    return wide


def _wide(op: Operation) -> Operation:
    """The operation with FLOAT64 where an attribute says FLOAT32."""
    fields: Any = op  # every operation is a dataclass, which its base cannot say
    changed = {
        field.name: DType.FLOAT64
        for field in dataclasses.fields(fields)
        if getattr(op, field.name) is DType.FLOAT32
    }
    wide: Operation = dataclasses.replace(fields, **changed)
    return wide
