"""Whether an ONNX graph is one at all: its names, and its nodes as ONNX defines them.

Importers may rely on it: every operand was made before, the operands are as many as the
operator's definition allows, and attributes are of the types that it gives them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from opt_tool.errors import DamagedFileError
from opt_tool.formats.onnx.definitions import STANDARD, definition
from opt_tool.formats.onnx.messages import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
)
from opt_tool.formats.onnx.outline import graphs_of

Type = AttributeProto.AttributeType


def check_texts(model: ModelProto, path: Path) -> None:
    """Check that names are texts; protobuf hands out the bytes of those that are not.

    Raises:
        DamagedFileError: at the first that is not UTF-8.
    """
    texts: list[object] = [entry.domain for entry in model.opset_import]
    for body in model.functions:
        texts += (body.name, body.domain, *body.input, *body.output)
        _add_node_texts(body.node, texts)
    _add_graph_texts(model.graph, texts)
    if not set(map(type, texts)) <= {str}:
        raise DamagedFileError(path, "a name in it is not UTF-8; copy or export the model again")


def _add_graph_texts(graph: GraphProto, texts: list[object]) -> None:
    texts.append(graph.name)
    for info in (*graph.input, *graph.output, *graph.value_info):
        texts.append(info.name)
        texts += [dim.dim_param for dim in info.type.tensor_type.shape.dim]
    for tensor in graph.initializer:
        _add_tensor_texts(tensor, texts)
    _add_node_texts(graph.node, texts)


def _add_tensor_texts(tensor: TensorProto, texts: list[object]) -> None:
    texts.append(tensor.name)
    for entry in tensor.external_data:
        texts += (entry.key, entry.value)


def _add_node_texts(nodes: Iterable[NodeProto], texts: list[object]) -> None:
    for node in nodes:
        texts += (node.op_type, node.domain, node.name, *node.input, *node.output)
        for attribute in node.attribute:
            texts += (attribute.name, attribute.ref_attr_name)
            if attribute.HasField("t"):
                _add_tensor_texts(attribute.t, texts)
            for graph in graphs_of(attribute):
                _add_graph_texts(graph, texts)


def check_names(graph: GraphProto, path: Path) -> None:
    """Check that a model's inputs, weights and outputs are there under names of their own.

    Raises:
        DamagedFileError: naming what is not.
    """
    named = {
        "input": [info.name for info in graph.input],
        "weight": [tensor.name for tensor in graph.initializer],
        "output": [output.name for output in graph.output],
    }
    for what, names in named.items():
        name = _repeated(names)
        if name is not None:
            raise DamagedFileError(path, f"two {what}s are called {name!r}; export it again")
        if "" in names:
            raise DamagedFileError(path, f"an {what} has no name; export it again")
    made = {name for node in graph.node for name in node.output}
    for name in named["output"]:
        if name not in made and name not in named["input"] and name not in named["weight"]:
            raise DamagedFileError(path, f"nothing makes the output {name!r}; export it again")


def _repeated(names: Sequence[str]) -> str | None:
    if len(set(names)) == len(names):
        return None
    return next(name for name, count in Counter(names).items() if count > 1)


def check_nodes(model: ModelProto, path: Path) -> None:
    """Check every node of a model against the definition of its operator.

    Raises:
        DamagedFileError: naming the first that does not follow it.
    """
    bodies = [(model.graph.node, model.opset_import)]
    bodies += [(function.node, function.opset_import) for function in model.functions]
    for nodes, imports in bodies:
        opsets = {_domain(entry.domain): entry.version for entry in imports}
        for node in _with_inner(nodes):
            for fault in _faults(node, opsets.get(_domain(node.domain), 1)):
                name = node.name or next(iter(node.output), "")
                raise DamagedFileError(
                    path, f"{node.op_type} (node {name!r}): {fault}; export it again"
                )


def _domain(text: str) -> str:
    return "" if text in STANDARD else text


def _with_inner(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes, and those of the graphs inside of them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in graphs_of(attribute):
                yield from _with_inner(graph.node)


def _faults(node: NodeProto, opset: int) -> Iterator[str]:
    """What a node has that its operator's definition does not allow, in sentences."""
    outputs = node.output
    name = None if len(outputs) <= 1 else _repeated([output for output in outputs if output])
    if name is not None:
        yield f"it makes {name!r} twice"
    known = definition(node.op_type, opset, node.domain)
    if known is None:
        return
    for what, count, (least, most) in (
        ("inputs", len(node.input), known.inputs),
        ("outputs", len(node.output), known.outputs),
    ):
        if not least <= count <= most:
            yield f"it has {count} {what}; ONNX wants {least} to {most}"
    yield from _attribute_faults(node.attribute, known.attributes)


def _attribute_faults(
    attributes: Iterable[AttributeProto], types: Mapping[str, int]
) -> Iterator[str]:
    for attribute in attributes:
        wanted = types.get(attribute.name)
        if wanted is None or attribute.ref_attr_name:
            continue
        if attribute.type not in (wanted, AttributeProto.UNDEFINED):
            yield (
                f"its attribute {attribute.name!r} is of the type {_type_name(attribute.type)}; "
                f"ONNX defines {_type_name(wanted)}"
            )


def _type_name(number: int) -> str:
    names = {value: name for name, value in Type.items()}
    return names.get(number, str(number)).lower()
