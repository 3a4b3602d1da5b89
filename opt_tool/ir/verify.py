"""The invariants of a graph; checked after every pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from opt_tool.ir.attributes import check_attributes
from opt_tool.ir.graph import Graph, Node, Value
from opt_tool.ir.operation import Operands, Operation, ShapeError
from opt_tool.ir.types import TensorType, may_be_equal


class Seen(NamedTuple):
    """A node as it was found: its operation, operands and results, and the types of these."""

    op: Operation
    inputs: Operands[Value]
    outputs: Operands[Value]
    read: tuple[Value, ...]
    made: tuple[Value, ...]
    types: list[TensorType]

    @classmethod
    def of(cls, node: Node, before: Seen | None) -> Seen:
        """As a node is now; ``before`` itself where nothing changed since."""
        if before is not None and before.is_of(node):
            return before
        read, made = tuple(node.inputs.flat()), tuple(node.outputs.flat())
        return cls(node.op, node.inputs, node.outputs, read, made, _types(read, made))

    def is_of(self, node: Node) -> bool:
        """Whether a node is as it was; a change always puts another object in its place."""
        return (
            self.op is node.op
            and self.inputs is node.inputs
            and self.outputs is node.outputs
            and self.types == _types(self.read, self.made)
        )


def _types(read: tuple[Value, ...], made: tuple[Value, ...]) -> list[TensorType]:
    return [value.type for value in (*read, *made)]


class InvalidGraphError(AssertionError):
    """A graph that breaks an invariant: a fault of ours, not of the user's."""


def verify(graph: Graph) -> None:
    """Check that names, edges, order and types agree.

    Raises:
        InvalidGraphError: naming the node and the rule that it breaks.
    """
    Verifier().verify(graph)


class Verifier:
    """Checks a graph again and again; what one node says of itself only where that changed.

    What a node makes follows from its operation and from the values that it reads, so that
    these need not be worked out again while all of them are the same.
    """

    def __init__(self) -> None:
        self._seen: dict[Node, Seen] = {}

    def verify(self, graph: Graph) -> None:
        """Check the graph; see the function ``verify``."""
        for fault in self._faults(graph):
            raise InvalidGraphError(fault)

    def _faults(self, graph: Graph) -> Iterator[str]:
        known = {value for value in graph.values.values() if value.producer is None}
        reads = 0
        seen: dict[Node, Seen] = {}
        for node in graph.nodes:
            before = self._seen.get(node)
            seen[node] = now = Seen.of(node, before)
            if node.graph is not graph:
                yield f"{node!r} belongs to another graph"
            if now is not before:
                yield from _slot_faults(node)
                yield from _type_faults(node)
            for value in now.read:
                if value not in known:
                    yield f"{node!r} reads {value.name!r} before it is made"
                if not value.is_read_by(node):
                    yield f"{node!r} is not a user of {value.name!r}, which it reads"
            for value in now.made:
                if value.producer is not node:
                    yield f"{node!r} is not the producer of {value.name!r}"
                if graph.values.get(value.name) is not value:
                    yield f"{value.name!r} is not in the graph"
            reads += len(set(now.read))
            known.update(now.made)
        yield from _value_faults(graph, reads)
        self._seen = seen


def _slot_faults(node: Node) -> Iterator[str]:
    for slot in node.op.inputs:
        count = len(node.inputs[slot.name])
        if count == 0 and not slot.optional:
            yield f"{node!r}: slot {slot.name!r} is empty"
        if count > 1 and not slot.variadic:
            yield f"{node!r}: slot {slot.name!r} holds {count}"


def _value_faults(graph: Graph, reads: int) -> Iterator[str]:
    """The faults of names and of users, of which there must be as many as nodes that read."""
    users = 0
    for name, value in graph.values.items():
        if value.name != name:
            yield f"value {value.name!r} is listed as {name!r}"
        users += value.user_count
    if users != reads:
        yield f"values have {users} users, but nodes read {reads} values"
    for value in (*graph.inputs, *graph.outputs):
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
        if value.shape != type.shape and not may_be_equal(value.shape, type.shape):
            yield f"{value!r} should have shape {list(type.shape)}"
