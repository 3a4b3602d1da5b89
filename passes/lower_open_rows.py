"""Cut and join rows of what was found in a way that no row ends nowhere.

Before::

    y = slice(x, axes=1, decrease_axis=1)          # x (found, 4)
    z = concat(x, y, axis=1)                       # on ARM

After, with ``left`` and ``right`` that put columns at their places::

    y = squeeze2(slice(x, axes=1), axes=1)
    z = elementwise_add(fc(x, left), fc(y, right))

Whole numbers are put at their places by gather, and multiplied by 0 elsewhere.

Where nothing was found the slice for x86 ends the process, that for ARM makes a row, and ARM's
concat finds no operand that has the element type.
"""

from __future__ import annotations

import itertools

import numpy as np

from opt_tool.ir import DType, Graph, Node, Value
from opt_tool.ir.operations.data_movement import Concat, Slice
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul, Scale
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.passes.in_front import InFront
from opt_tool.passes.open_lengths import FINDS, found_dims, reads_dims
from opt_tool.passes.rewrite import Kept, PassReport, Rewrite
from opt_tool.targets import Target

JOINED = frozenset({DType.FLOAT32, DType.INT32, DType.INT64})
"""The element types that products join."""


class LowerOpenRows(Rewrite[Node]):
    """Cuts and joins rows so that there may be none.

    Args:
        target: Only ARM's concat needs a number at least.
    """

    roots = (Concat, Slice)

    def __init__(self, target: Target) -> None:
        self._target = target
        self._dims: set[str] = set()

    def run(self, graph: Graph) -> PassReport:
        """Rewrite what reads rows that were found."""
        if not graph.has(FINDS):
            return PassReport(self.name, 0)
        self._dims = found_dims(graph)
        return super().run(graph)

    def match(self, graph: Graph, node: Node) -> Node | Kept | None:  # noqa: ARG002
        if not reads_dims(node, self._dims):
            return None
        if isinstance(node.op, Slice):
            return node if node.op.decrease_axis and node.output.rank > 0 else None
        assert isinstance(node.op, Concat)
        if self._target is not Target.ARM or node.op.axis == 0:
            return None
        if len(node.inputs["X"]) < 2:
            return None
        if node.op.axis not in (1, -1) or not all(map(_is_matrix, node.inputs["X"])):
            return Kept("an operand is no matrix of numbers")
        return node

    def rewrite(self, graph: Graph, match: Node) -> Node:
        if isinstance(match.op, Slice):
            return _cut(graph, match, match.op)
        return _joined(graph, match)


def _is_matrix(value: Value) -> bool:
    return value.dtype in JOINED and value.rank == 2 and isinstance(value.shape[1], int)


def _cut(graph: Graph, node: Node, op: Slice) -> Node:
    """The same slice with its axes, which squeeze2 drops."""
    inputs = {slot: node.inputs[slot] for slot in node.inputs}
    whole = op.replaced(decrease_axis=())
    part = graph.add(whole, inputs, sources=node.sources, before=node)
    return graph.replace(node, Squeeze2(axes=op.decrease_axis), {"X": part.output})


def _joined(graph: Graph, node: Node) -> Node:
    """The sum of the operands, each with its columns where they belong and 0 beside them."""
    parts = node.inputs["X"]
    widths = [part.type.with_shape(part.shape[1:]).size for part in parts]
    starts = itertools.accumulate(widths, initial=0)
    front = InFront(graph, node)
    place = _place_floats if parts[0].dtype is DType.FLOAT32 else _place_integers
    placed = [
        place(front, part, np.arange(start, start + width), sum(widths))
        for part, start, width in zip(parts, starts, widths, strict=False)
    ]
    total = placed[0]
    for more in placed[1:-1]:
        total = front.add(ElementwiseAdd(), X=total, Y=more)
    return graph.replace(node, ElementwiseAdd(), {"X": total, "Y": placed[-1]})


def _place_floats(front: InFront, part: Value, columns: np.ndarray, count: int) -> Value:
    weight = np.eye(count, dtype=np.float32)[columns]
    return front.add(Fc(), Input=part, W=front.constant("columns", weight))


def _place_integers(front: InFront, part: Value, columns: np.ndarray, count: int) -> Value:
    """Any columns beside those of the part, times a row of 0 and 1 for each row."""
    width = len(columns)
    taken, kept = np.zeros(count, np.int32), np.zeros((1, count), part.dtype.numpy)
    taken[columns], kept[0, columns] = np.arange(width), 1
    wide = front.add(Gather(axis=1), X=part, Index=front.constant("columns", taken))
    first = front.add(Slice(axes=(1,), starts=(0,), ends=(1,)), Input=part)
    zeros = front.add(Scale(scale=0.0), X=front.add(Squeeze2(axes=(1,)), X=first))
    rows = front.add(Gather(axis=0), X=front.constant("kept", kept), Index=zeros)
    return front.add(ElementwiseMul(), X=wide, Y=rows)
