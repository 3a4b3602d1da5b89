"""The invariants of a graph; checked after every pass."""

from __future__ import annotations

from opt_tool.ir.graph import Graph, Node, Value


class InvalidGraphError(AssertionError):
    """A graph that breaks an invariant: a fault of ours, not of the user's."""


def verify(graph: Graph) -> None:
    """Check that names, edges, order and types agree.

    Raises:
        InvalidGraphError: naming the node and the rule that it breaks.
    """
    known: set[int] = set()
    for value in graph.values.values():
        if value.producer is None:
            known.add(id(value))
    readers: dict[int, dict[Node, int]] = {}
    for node in graph.nodes:
        _verify_node(graph, node, known)
        for value in node.inputs.flat():
            counts = readers.setdefault(id(value), {})
            counts[node] = counts.get(node, 0) + 1
        known.update(id(value) for value in node.outputs.flat())
    for name, value in graph.values.items():
        _require(value.name == name, f"value {value.name!r} is listed as {name!r}")
        _require(
            dict.fromkeys(readers.get(id(value), {})) == dict.fromkeys(value.users),
            f"the users of {name!r} are not the nodes that read it",
        )
    for value in (*graph.inputs, *graph.outputs):
        _require(graph.values.get(value.name) is value, f"{value.name!r} is not in the graph")


def _verify_node(graph: Graph, node: Node, known: set[int]) -> None:
    _require(node.graph is graph, f"{node!r} belongs to another graph")
    for slot in node.op.inputs:
        count = len(node.inputs[slot.name])
        _require(slot.optional or count > 0, f"{node!r}: slot {slot.name!r} is empty")
        _require(slot.variadic or count <= 1, f"{node!r}: slot {slot.name!r} holds {count}")
    for value in node.inputs.flat():
        _require(id(value) in known, f"{node!r} reads {value.name!r} before it is made")
    for value in node.outputs.flat():
        _require(value.producer is node, f"{node!r} is not the producer of {value.name!r}")
        _require(graph.values.get(value.name) is value, f"{value.name!r} is not in the graph")
    _verify_types(node)


def _verify_types(node: Node) -> None:
    inferred = node.op.infer(node.inputs)
    outputs = tuple(node.outputs.flat())
    _require(len(inferred) == len(outputs), f"{node!r} has {len(outputs)} outputs")
    for value, type in zip(outputs, inferred, strict=True):
        _require(value.dtype == type.dtype, f"{value!r} should be {type.dtype.value}")
        _require(_agree(value, type.shape), f"{value!r} should have shape {list(type.shape)}")


def _agree(value: Value, shape: tuple[int | str, ...]) -> bool:
    return len(shape) == value.rank and all(
        a == b or isinstance(a, str) or isinstance(b, str)
        for a, b in zip(value.shape, shape, strict=True)
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidGraphError(message)
