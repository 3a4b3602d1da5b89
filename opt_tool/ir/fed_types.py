"""Infers the types of all values for inputs of certain sizes; the graph stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from opt_tool.ir.graph import Graph, Node, Value, with_symbols
from opt_tool.ir.operation import Operands
from opt_tool.ir.types import Shape, TensorType

Types: TypeAlias = Mapping[Value, TensorType]


def types_for(graph: Graph, shapes: Mapping[Value, Shape]) -> Types:
    """The type of each value where some inputs have other shapes than the graph says.

    Raises:
        ShapeError: when operands of these sizes do not fit an operation.
    """
    resized = {
        value: Value(value.name, value.type.with_shape(shape))
        for value, shape in shapes.items()
        if shape != value.shape
    }
    for node in graph.nodes:
        if any(value in resized for value in node.inputs.flat()):
            operands = node.inputs.map(lambda value: resized.get(value, value))
            resized.update(zip(node.outputs.flat(), _outputs(node, operands), strict=True))
    return {value: resized.get(value, value).type for value in graph.values.values()}


def _outputs(node: Node, operands: Operands[Value]) -> list[Value]:
    """What a node makes of other operands, in no graph."""
    outputs = zip(node.outputs.flat(), node.op.infer(operands), strict=True)
    made = [Value(value.name, with_symbols(type, value.name)) for value, type in outputs]
    if len(made) == 1:
        made[0].elements = node.op.infer_elements(operands)
    return made
