"""What an ONNX model consists of, without reading it into a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opt_tool.formats.onnx.messages import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
)

HALF_TYPES = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})


def outline(model: ModelProto) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Operator, name and outputs of each node, in order; names as in error messages."""
    for index, node in enumerate(model.graph.node):
        made = tuple(name for name in node.output if name)
        name = node.name or next(iter(made), f"{node.op_type}_{index}")
        yield node.op_type, name, made


def is_half_precision(model: ModelProto) -> bool:
    """Whether weights or inputs are 16-bit floats, so that the model computes in 16 bits."""
    inputs = (info.type.tensor_type.elem_type for info in model.graph.input)
    weights = (tensor.data_type for tensor in model.graph.initializer)
    return any(kind in HALF_TYPES for kind in (*inputs, *weights))


def needed_nodes(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """The nodes that the outputs depend on, in their order."""
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(names_read(node))
    return kept[::-1]


def names_read(node: NodeProto) -> set[str]:
    """The names that a node takes, in sub-graphs of it too; some of those it makes itself."""
    return {*node.input, *_captured(node)} - {""}  # which stands for what is left out


def _captured(node: NodeProto) -> Iterable[str]:
    """The names that sub-graphs of a node may take from around it."""
    for attribute in node.attribute:
        for graph in graphs_of(attribute):
            for inner in graph.node:
                yield from inner.input
                yield from _captured(inner)
            yield from (output.name for output in graph.output)


def graphs_of(attribute: AttributeProto) -> Sequence[GraphProto]:
    """The graphs that an attribute holds, which few do."""
    return (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs
