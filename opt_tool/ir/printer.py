"""Graphs as text that a person can read and a diff can compare."""

from __future__ import annotations

from collections.abc import Iterator

from opt_tool.ir.graph import Graph, Node, Value
from opt_tool.ir.operation import Operands


def format_graph(graph: Graph) -> str:
    """One line for each input, constant, node and output, in execution order."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"graph {graph.name}"
    for value in graph.inputs:
        yield f"  input {value!r}"
    for value in graph.constants:
        yield f"  constant {value!r}{_bits(value)}"
    for node in graph.nodes:
        yield f"  {format_node(node)}"
    for value in graph.outputs:
        yield f"  output {value!r}"


def format_node(node: Node) -> str:
    """``%y: float32[1, 8] = relu(X=%x)`` with the attributes that are not the default."""
    outputs = ", ".join(repr(value) for value in node.outputs.flat())
    attributes = "".join(
        f" {name}={value!r}"
        for name, value in node.op.attributes.items()
        if value != node.op.defaults[name]
    )
    kernel = "" if node.kernel is None else f" @{node.kernel}"
    return f"{outputs} = {node.op.type}({_arguments(node.inputs)}){attributes}{kernel}"


def _arguments(inputs: Operands[Value]) -> str:
    return ", ".join(
        f"{slot}=" + " ".join(f"%{value.name}" for value in values)
        for slot, values in inputs.items()
    )


def _bits(value: Value) -> str:
    return "" if value.quantization is None else f" int{value.quantization.bits}"
