"""Gather along the first axis only, as Paddle Lite before 2.12 does whatever the attribute says.

Before::

    y = gather(x, index, axis=2)

After::

    y = transpose2(gather(transpose2(x, (2, 1, 0)), index, axis=0), (2, 1, 0))

Constant indices that follow each other are a slice.
"""

from __future__ import annotations

import numpy as np

from opt_tool.ir import DType, Graph, Node
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.indexing import Gather
from opt_tool.passes.in_front import InFront
from opt_tool.passes.rewrite import Kept, Rewrite

SLICED = frozenset({DType.FLOAT32, DType.INT32, DType.INT64})
"""The element types that every kernel for slices takes."""


class LowerGatherAxis(Rewrite[Node]):
    """Moves the axis of gathers to the front."""

    roots = (Gather,)

    def match(self, graph: Graph, node: Node) -> Node | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, Gather)
        return node if node.op.axis != 0 else None

    def rewrite(self, graph: Graph, match: Node) -> Node:
        assert isinstance(match.op, Gather)
        axis, x, index = match.op.axis, match.input("X"), match.input("Index")
        if index.is_constant and x.dtype in SLICED:
            numbers = index.array().reshape(-1)
            if numbers.size > 0 and (np.diff(numbers) == 1).all():
                first, last = int(numbers[0]), int(numbers[-1])
                op = Slice(axes=(axis,), starts=(first,), ends=(last + 1,))
                return graph.replace(match, op, {"Input": x})
        front = InFront(graph, match)
        order = list(range(x.rank))
        order[0], order[axis] = axis, 0
        turn = Transpose2(axis=tuple(order))
        rows = front.add(Gather(axis=0), X=front.add(turn, X=x), Index=index)
        return graph.replace(match, turn, {"X": rows})
