"""The invariants of a graph; checked after every pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from opt_tool.ir.attributes import check_attributes
from opt_tool.ir.graph import Graph, Node, Value
from opt_tool.ir.operation import Operation, ShapeError
from opt_tool.ir.types import TensorType

Signature: TypeAlias = tuple[Operation, tuple[Value, ...], tuple[TensorType, ...]]
"""What the types of a node's results follow from, and these types."""


class InvalidGraphError(AssertionError):
    """A graph that breaks an invariant: a fault of ours, not of the user's."""


def verify(graph: Graph) -> None:
    """Check that names, edges, order and types agree.

    Raises:
        InvalidGraphError: naming the node and the rule that it breaks.
    """
    Verifier().verify(graph)


class Verifier:
    """Checks a graph again and again; types only of nodes that changed in between.

    What a node makes follows from its operation and from the values that it reads, so that
    these need not be worked out again while all of them are the same.
    """

    def __init__(self) -> None:
        self._checked: dict[Node, Signature] = {}

    def verify(self, graph: Graph) -> None:
        """Check the graph; see the function ``verify``."""
        for fault in self._faults(graph):
            raise InvalidGraphError(fault)

    def _faults(self, graph: Graph) -> Iterator[str]:
        known = {id(value) for value in graph.values.values() if value.producer is None}
        readers: dict[int, set[Node]] = {}
        checked: dict[Node, Signature] = {}
        for node in graph.nodes:
            yield from _node_faults(graph, node, known)
            checked[node] = signature = _signature(node)
            if self._checked.get(node) != signature:
                yield from _type_faults(node)
            for value in node.inputs.flat():
                readers.setdefault(id(value), set()).add(node)
            known.update(id(value) for value in node.outputs.flat())
        for name, value in graph.values.items():
            if value.name != name:
                yield f"value {value.name!r} is listed as {name!r}"
            if readers.get(id(value), set()) != set(value.users):
                yield f"the users of {name!r} are not the nodes that read it"
        for value in (*graph.inputs, *graph.outputs):
            if graph.values.get(value.name) is not value:
                yield f"{value.name!r} is not in the graph"
        self._checked = checked


def _signature(node: Node) -> Signature:
    values = (*node.inputs.flat(), *node.outputs.flat())
    return node.op, values, tuple(value.type for value in values)


def _node_faults(graph: Graph, node: Node, known: set[int]) -> Iterator[str]:
    if node.graph is not graph:
        yield f"{node!r} belongs to another graph"
    for slot in node.op.inputs:
        count = len(node.inputs[slot.name])
        if count == 0 and not slot.optional:
            yield f"{node!r}: slot {slot.name!r} is empty"
        if count > 1 and not slot.variadic:
            yield f"{node!r}: slot {slot.name!r} holds {count}"
    for value in node.inputs.flat():
        if id(value) not in known:
            yield f"{node!r} reads {value.name!r} before it is made"
    for value in node.outputs.flat():
        if value.producer is not node:
            yield f"{node!r} is not the producer of {value.name!r}"
        if graph.values.get(value.name) is not value:
            yield f"{value.name!r} is not in the graph"


def _type_faults(node: Node) -> Iterator[str]:
    try:
        check_attributes(node.op)
        inferred = node.op.infer(node.inputs)
    except ShapeError as error:
        yield f"{node!r}: {error}"
        return
    outputs = tuple(node.outputs.flat())
    if len(inferred) != len(outputs):
        yield f"{node!r} has {len(outputs)} outputs"
        return
    for value, type in zip(outputs, inferred, strict=True):
        if value.dtype != type.dtype:
            yield f"{value!r} should be {type.dtype.value}"
        if not _agree(value, type.shape):
            yield f"{value!r} should have shape {list(type.shape)}"


def _agree(value: Value, shape: tuple[int | str, ...]) -> bool:
    return value.shape == shape or (
        len(shape) == value.rank
        and all(
            a == b or isinstance(a, str) or isinstance(b, str)
            for a, b in zip(value.shape, shape, strict=True)
        )
    )
