"""Adds operations in front of a node that they are to take the place of."""

from __future__ import annotations

import numpy as np

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.shape import Reshape2


class InFront:
    """Adds operations in front of ``node``, which come from where it comes from."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self.node = node

    def add(self, op: Operation, **inputs: Value) -> Value:
        """The output of an operation; operands are given by slot."""
        return self.graph.add(op, inputs, sources=self.node.sources, before=self.node).output

    def constant(self, what: str, array: np.ndarray) -> Value:
        """A constant named after the node."""
        return self.graph.add_constant(f"{self.node.name}.{what}", array)

    def reshaped(self, x: Value, *shape: int) -> Value:
        """X in another shape."""
        return self.add(Reshape2(shape=shape), X=x)
