"""Reads the graphs that say how two numbers become one."""

from __future__ import annotations

from opt_tool.formats.tflite.layout import GRAPHS
from opt_tool.formats.tflite.node import TfliteNode

SECOND = "second"
"""What stands for a graph that hands on its second input."""


def joining(node: TfliteNode) -> str:
    """The one operator of the graph that a node names, ``SECOND``, or nothing if it is another."""
    (name,) = GRAPHS[node.operator]
    graph = node.reader.model.branches[node.integer(name)]
    if not graph.operators and graph.outputs == graph.inputs[1:2]:
        return SECOND
    if len(graph.operators) != 1:
        return ""
    (operator,) = graph.operators
    joins = sorted(operator.inputs) == sorted(graph.inputs) and operator.outputs == graph.outputs
    if not joins or operator.options.get("fused_activation_function", 0):
        return ""
    return operator.code.removeprefix("STABLEHLO_")
