"""Results that have as many elements as the numbers say that their nodes read.

Where these say none, the runtime fails: its range and its slice end the process, and its
transpose gives a tensor of garbage, or ends the process too.
"""

from __future__ import annotations

from collections.abc import Iterable

from opt_tool.ir import UNKNOWN, Graph, Node, Value
from opt_tool.ir.operations.creation import Range
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.indexing import WhereIndex
from opt_tool.ir.operations.shape import Shape


def open_lengths(graph: Graph) -> list[Value]:
    """What fails where numbers that neither the graph nor the inputs' shapes tell leave nothing."""
    counts = {node.output.shape[0] for node in graph.nodes if isinstance(node.op, WhereIndex)}
    return [
        node.output
        for node in graph.nodes
        if _has_open_length(node)
        or (isinstance(node.op, Transpose2) and counts.intersection(node.input("X").shape))
    ]


def _has_open_length(node: Node) -> bool:
    """Whether a node is a range or a slice between limits that are computed from numbers."""
    if isinstance(node.op, Range):
        unknown = UNKNOWN in node.op.infer(node.inputs)[0].shape
        return unknown and _hold_numbers(node.inputs.flat())
    if not isinstance(node.op, Slice):
        return False
    limits = [value for slot in node.inputs if slot != "Input" for value in node.inputs[slot]]
    unknown = any(UNKNOWN in bounds for bounds in node.op.bounds(node.inputs))
    return unknown and _hold_numbers(limits)


def _hold_numbers(values: Iterable[Value]) -> bool:
    """Whether values depend on what the inputs hold, not on their shapes alone."""
    waiting, seen = list(values), set()
    while waiting:
        value = waiting.pop()
        if value.is_constant or value in seen:
            continue
        if value.producer is None:
            return True
        seen.add(value)
        if not isinstance(value.producer.op, Shape):
            waiting.extend(value.producer.inputs.flat())
    return False
