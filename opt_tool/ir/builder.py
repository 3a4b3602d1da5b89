"""A graph in one expression: what readers and tests build graphs with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from opt_tool.ir.graph import Graph, Node, Source, Value
from opt_tool.ir.operation import Operation
from opt_tool.ir.types import Dim, DType, TensorType


class GraphBuilder:
    """Adds operations to a graph and hands back the values that they make."""

    def __init__(self, name: str = "model") -> None:
        self.graph = Graph(name)
        self.sources: tuple[Source, ...] = ()
        self.before: Node | None = None

    def input(self, *shape: Dim, name: str = "x", dtype: DType = DType.FLOAT32) -> Value:
        """A new graph input."""
        return self.graph.add_input(self.graph.unique_name(name), TensorType(dtype, shape))

    def constant(self, array: np.ndarray, name: str = "constant") -> Value:
        """A new constant; arrays are taken as they are, so give the dtype that is meant."""
        return self.graph.add_constant(name, np.asarray(array))

    def add(
        self, op: Operation, name: str | None = None, /, **inputs: Value | Sequence[Value] | None
    ) -> Value:
        """Add an operation and return its first output; the inputs are given by slot."""
        return self.add_all(op, name, **inputs)[0]

    def add_all(
        self, op: Operation, name: str | None = None, /, **inputs: Value | Sequence[Value] | None
    ) -> tuple[Value, ...]:
        """Add an operation and return all its outputs, in slot order."""
        outputs = () if name is None else (name,)
        node = self.graph.add(
            op, inputs, name=name, outputs=outputs, sources=self.sources, before=self.before
        )
        return tuple(node.outputs.flat())

    def build(self, *outputs: Value | Iterable[Value]) -> Graph:
        """The graph with these outputs."""
        for output in outputs:
            self.graph.outputs.extend([output] if isinstance(output, Value) else output)
        return self.graph
