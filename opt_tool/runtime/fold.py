"""Computes nodes whose operands are all constants, with the runtime's own kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.ir import Graph, Node, Operation, ShapeError, Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.runtime.binding import Settings, run_node

FOLD_LIMIT = 64 * 1024 * 1024
"""A constant of more bytes than this is left to be computed at run time."""


def can_fold(node: Node) -> bool:
    """Whether a node has only constant operands and outputs of a bearable size."""
    return all(value.is_constant for value in node.inputs.flat()) and all(
        value.type.is_static and value.type.nbytes <= FOLD_LIMIT for value in node.outputs.flat()
    )


UNFIT = (ArithmeticError, LookupError, ValueError)
"""What NumPy raises for numbers that an operation cannot be computed of, such as an index
behind the end."""


def evaluate(node: Node) -> list[np.ndarray]:
    """The outputs of a node whose operands are all constants.

    Raises:
        ShapeError: when its operands hold what it cannot be computed of.
    """
    try:
        return run_node(node, node.inputs.map(lambda value: value.array()), Settings())
    except UNFIT as error:
        raise ShapeError(f"{node.op.type} cannot be computed of its operands: {error}") from error


def known_elements(node: Node) -> np.ndarray | None:
    """The output of a node that shape arithmetic knows in numbers, such as a static shape."""
    output = node.output
    if output.elements is None or not all(isinstance(dim, int) for dim in output.elements):
        return None
    limits = np.iinfo(output.dtype.value if output.dtype.is_integer else "int64")
    if not all(limits.min <= int(dim) <= limits.max for dim in output.elements):
        raise ShapeError(f"{list(output.elements)} do not fit into {output.dtype.value}")
    return np.array(output.elements, output.dtype.numpy).reshape(output.type.static_shape)


def fold(graph: Graph, node: Node) -> bool:
    """Replace a node by constants if it can be computed now; say whether it was."""
    if can_fold(node):
        graph.freeze(node, evaluate(node))
        return True
    elements = known_elements(node)
    if elements is None:
        return False
    graph.freeze(node, [elements])
    return True


class FoldingBuilder(GraphBuilder):
    """A builder that computes what it can at once, so that readers see constants.

    Exporters write shapes as chains of small operators; folded on the way in, they are
    numbers by the time a Reshape or a Resize asks for them.
    """

    def add_all(
        self, op: Operation, name: str | None = None, /, **inputs: Value | Sequence[Value] | None
    ) -> tuple[Value, ...]:
        outputs = super().add_all(op, name, **inputs)
        node = outputs[0].producer
        assert node is not None
        fold(self.graph, node)
        return outputs


class InsertingBuilder(FoldingBuilder):
    """Adds what takes the place of a node in front of it, with its sources."""

    def __init__(self, graph: Graph, before: Node) -> None:
        super().__init__(graph.name)
        self.graph = graph
        self.before = before
        self.sources = before.sources
