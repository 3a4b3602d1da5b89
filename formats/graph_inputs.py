"""Adds the inputs that a file declares to the graph, where any memory could hold them."""

from __future__ import annotations

from pathlib import Path

from opt_tool.errors import UnsupportedError
from opt_tool.ir import Graph, ShapeError, TensorType, Value
from opt_tool.ir.attributes import check_sizes


def add_input(graph: Graph, path: Path, name: str, type: TensorType) -> Value:
    """Add an input of a file to its graph.

    Raises:
        UnsupportedError: when it has more dimensions or elements than there can be.
    """
    try:
        check_sizes(type)
    except ShapeError as error:
        raise UnsupportedError(f"{path}: input {name!r} would be {error}") from error
    return graph.add_input(name, type)
