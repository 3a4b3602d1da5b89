"""Results that have as many elements as the numbers say that their nodes read.

Where these say none, the runtime fails: its range and its slice end the process, and so does
most of what does more than move whole rows of what was found, or it makes tensors of garbage.
"""

from __future__ import annotations

from collections.abc import Iterable

from opt_tool.ir import UNKNOWN, Graph, Node, Operation, Value
from opt_tool.ir.operations.comparison import Comparison
from opt_tool.ir.operations.creation import Range
from opt_tool.ir.operations.data_movement import Concat, Slice, StridedSlice, Tile, Transpose2
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.elementwise import ElementwiseBinary
from opt_tool.ir.operations.indexing import WhereIndex
from opt_tool.ir.operations.reduction import ArgSort, TopKV2
from opt_tool.ir.operations.shape import INFER, Reshape2, Shape
from opt_tool.targets import Target

FINDS: tuple[type[Operation], ...] = (MulticlassNms, WhereIndex)
"""Operations that make a row of each thing that they find."""

ENDS: tuple[type[Operation], ...] = (ArgSort, Comparison, Tile, TopKV2, Transpose2, WhereIndex)
"""Operations that fail on tensors without rows, whatever their attributes."""


def open_lengths(graph: Graph, target: Target) -> list[Value]:
    """What fails where numbers that neither the graph nor the inputs' shapes tell leave nothing."""
    counts = found_dims(graph)
    return [
        next(iter(node.outputs.flat()))
        for node in graph.nodes
        if _has_open_length(node)
        or (reads_dims(node, counts) and _fails_without_rows(node, target))
    ]


def found_dims(graph: Graph) -> set[str]:
    """The dimensions that say how much was found, and those that come of them."""
    counts: set[str] = set()
    for node in graph.nodes:
        finds = isinstance(node.op, FINDS)
        if finds or (reads_dims(node, counts) and not _has_rows(node)):
            known = set() if finds else _open_dims(node.inputs.flat())
            counts |= _open_dims(node.outputs.flat()) - known
    return counts


def _has_rows(node: Node) -> bool:
    """Whether a node makes something of what was found even where that is nothing."""
    if not isinstance(node.op, Concat):
        return isinstance(node.op, Shape)
    sizes = (value.shape[node.op.axis] for value in node.inputs["X"])
    return any(isinstance(size, int) and size > 0 for size in sizes)


def _open_dims(values: Iterable[Value]) -> set[str]:
    return {dim for value in values for dim in value.shape if isinstance(dim, str)}


def reads_dims(node: Node, counts: set[str]) -> bool:
    """Whether an operand of a node has one of these dimensions."""
    return not counts.isdisjoint(_open_dims(node.inputs.flat()))


def _fails_without_rows(node: Node, target: Target) -> bool:
    """Whether a node fails where what it reads has no rows; see the table of limits."""
    op = node.op
    if isinstance(op, (Slice, StridedSlice)):
        return bool(op.decrease_axis)
    if isinstance(op, Reshape2):
        return INFER in op.shape
    if isinstance(op, ElementwiseBinary):
        return node.input("X").shape != node.input("Y").shape
    if isinstance(op, Concat):
        return op.axis != 0 and target is Target.ARM
    return isinstance(op, ENDS)


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
