"""Chooses between what two branches make, both of which are computed."""

from __future__ import annotations

from collections.abc import Callable

from opt_tool.errors import UnsupportedError
from opt_tool.formats.broadcasting import expanded_together
from opt_tool.formats.casting import carried
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Value
from opt_tool.ir.operations.comparison import Where


def selected(
    node: ImportedNode,
    condition: Value,
    results: tuple[Value, Value],
    *,
    undecided: Callable[[str], UnsupportedError],
) -> Value:
    """The first of two results where the condition, of one element, is true, else the second.

    Args:
        node: The node being read.
        condition: What the run computes.
        results: What the branches make.
        undecided: Makes the error that says of a fact that it keeps the node from being read.
    """
    yes, no = results
    if yes is no:
        return yes
    if yes.type != no.type:
        raise undecided(f"its branches make {yes.type} and {no.type}")
    if condition.type.is_static and condition.type.size != 1:
        raise node.unsupported(f"its condition is {condition.type}, not one element")

    def choose(x: Value, y: Value) -> Value:
        test, x, y = expanded_together(node.builder, condition, x, y)
        return node.add(Where(), Condition=test, X=x, Y=y)

    return carried(node, [yes, no], choose, beside=(condition,))
