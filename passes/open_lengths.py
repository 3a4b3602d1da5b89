"""Results that have as many elements as the numbers say that their nodes read.

Where these say none, the runtime fails: its range and its slice end the process, and its
transpose gives a tensor of garbage, or ends the process too.
"""

from __future__ import annotations

from opt_tool.ir import UNKNOWN, Graph, Node, Value
from opt_tool.ir.operations.creation import Range
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.indexing import WhereIndex


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
    """Whether a node is a range or a slice between limits that only the run knows."""
    if isinstance(node.op, Range):
        return UNKNOWN in node.op.infer(node.inputs)[0].shape
    return isinstance(node.op, Slice) and any(
        UNKNOWN in bounds for bounds in node.op.bounds(node.inputs)
    )
