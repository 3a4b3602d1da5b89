"""Reads operators that are functions of others: the model's own, and standard ones.

A function is read in a scope of its own. Its nodes are copied first, so that attributes
that refer to the caller's hold values, and operands that the caller leaves out have no
name any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.formats.onnx.messages import (
    AttributeProto,
    FunctionProto,
    NodeProto,
    OperatorSetIdProto,
)
from opt_tool.formats.onnx.outline import needed_nodes
from opt_tool.formats.onnx.place import Place
from opt_tool.ir import Value

if TYPE_CHECKING:
    from opt_tool.formats.onnx.node import OnnxNode
    from opt_tool.formats.onnx.reader import GraphReader

Attributes = Mapping[str, AttributeProto]


def model_function(node: OnnxNode) -> FunctionProto | None:
    """The function of the model that a node calls, if it calls one."""
    return node.reader.functions.get((node.domain, node.operator))


def expand_model_function(node: OnnxNode, function: FunctionProto) -> list[Value | None]:
    """Read the nodes of a function of the model; problems are named inside of it."""
    reader = node.reader
    if (node.domain, node.operator) in reader.calls:
        raise node.unsupported("the function calls itself; ONNX does not allow that")
    reader.calls.append((node.domain, node.operator))
    try:
        return _expand(node, function)
    finally:
        reader.calls.pop()


def expand_standard_function(node: OnnxNode, function: FunctionProto) -> list[Value | None]:
    """Read a definition by other operators; a problem inside is the node's own."""
    with _problems_of(node):
        return _expand(node, function)


def expand_in_place(node: OnnxNode, nodes: Iterable[NodeProto]) -> list[Value | None]:
    """Read nodes that stand for one, with its operands and results by their names."""
    scope = dict(node.scope)
    place = Place(f"{node.name}/", frozenset(node.proto.output), node.builder.sources[0])
    with _problems_of(node):
        node.reader.read_nodes(nodes, scope, place)
    return [scope.get(name) for name in node.proto.output]


@contextmanager
def _problems_of(node: OnnxNode) -> Iterator[None]:
    """Let what cannot be read meanwhile be the node's own problem."""
    reader = node.reader
    count = len(reader.problems)
    yield
    inner = reader.problems[count:]
    del reader.problems[count:]
    if inner:
        raise node.unsupported(f"made of other operators, of which {_first(inner)}")


def _first(problems: Sequence[UnsupportedOperatorError]) -> str:
    return f"{problems[0].operator} cannot be converted: {problems[0].problem}"


def _expand(node: OnnxNode, function: FunctionProto) -> list[Value | None]:
    missing = set(function.input[len(node.inputs) :])
    scope: dict[str, Value] = {}
    for name, value in zip(function.input, node.inputs, strict=False):
        if value is None:
            missing.add(name)
        else:
            scope[name] = value
    attributes = {attribute.name: attribute for attribute in function.attribute_proto}
    attributes |= {attribute.name: attribute for attribute in node.proto.attribute}
    wanted = [name for index, name in enumerate(function.output) if node.has_output(index)]
    body = FunctionProto()
    body.node.extend(_bound(inner, attributes, missing) for inner in function.node)
    place = Place(f"{node.name}/", frozenset(wanted), node.builder.sources[0])
    with _opsets(node.reader, function.opset_import):
        node.reader.read_nodes(needed_nodes(body.node, wanted), scope, place)
    return [
        scope.get(name) if node.has_output(index) else None
        for index, name in enumerate(function.output)
    ]


def _bound(node: NodeProto, attributes: Attributes, missing: set[str]) -> NodeProto:
    """A copy of a function's node with the caller's attributes and without missing operands."""
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = ["" if name in missing else name for name in node.input]
    del copy.attribute[:]
    for attribute in node.attribute:
        bound = _bound_attribute(attribute, attributes, missing)
        if bound is not None:
            copy.attribute.append(bound)
    return copy


def _bound_attribute(
    attribute: AttributeProto, attributes: Attributes, missing: set[str]
) -> AttributeProto | None:
    """An attribute with a value; None where it refers to one that has none."""
    source = attribute
    if attribute.ref_attr_name:
        if attribute.ref_attr_name not in attributes:
            return None
        source = attributes[attribute.ref_attr_name]
    copy = AttributeProto()
    copy.CopyFrom(source)
    copy.name = attribute.name
    if attribute.ref_attr_name:
        return copy
    for graph in (copy.g,) if attribute.HasField("g") else copy.graphs:
        nodes = [_bound(inner, attributes, missing) for inner in graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
    return copy


@contextmanager
def _opsets(reader: GraphReader, imports: Sequence[OperatorSetIdProto]) -> Iterator[None]:
    """Let nodes be of a function's opsets while it is read."""
    outside = reader.opsets
    reader.opsets = outside | opsets_of(imports)
    try:
        yield
    finally:
        reader.opsets = outside


def opsets_of(imports: Sequence[OperatorSetIdProto]) -> dict[str, int]:
    """Opset versions by domain; the standard domain is the empty one."""
    opsets = {entry.domain: entry.version for entry in imports}
    if "ai.onnx" in opsets:
        opsets.setdefault("", opsets["ai.onnx"])
    return opsets
