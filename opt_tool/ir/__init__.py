"""The one graph of opt: Paddle Lite's operations as typed classes, edges as objects."""

from __future__ import annotations

from opt_tool.ir import operations
from opt_tool.ir.fed_types import Types, types_for
from opt_tool.ir.graph import Graph, Node, Quantization, Source, Value
from opt_tool.ir.operation import (
    OPERATIONS,
    UNKNOWN,
    Operands,
    Operation,
    ShapeError,
    Slot,
    slots,
)
from opt_tool.ir.printer import format_graph, format_node
from opt_tool.ir.types import Dim, DType, Shape, TensorType
from opt_tool.ir.verify import InvalidGraphError, Verifier, verify

__all__ = [
    "OPERATIONS",
    "UNKNOWN",
    "DType",
    "Dim",
    "Graph",
    "InvalidGraphError",
    "Node",
    "Operands",
    "Operation",
    "Quantization",
    "Shape",
    "ShapeError",
    "Slot",
    "Source",
    "TensorType",
    "Types",
    "Value",
    "Verifier",
    "format_graph",
    "format_node",
    "operations",
    "slots",
    "types_for",
    "verify",
]
