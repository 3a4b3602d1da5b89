"""Loops whose turns are known at conversion, which are written out one behind the other."""

from __future__ import annotations

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Value

TURNS = 1000
"""The most turns of a loop that are written out."""


def check_turn(node: ImportedNode, turn: int) -> None:
    """Refuse a node for the first turn that is too many."""
    if turn == TURNS:
        raise node.unsupported(f"it takes more than {TURNS} turns; that many are written out")


def goes_on(node: ImportedNode, condition: Value) -> bool:
    """Whether there is another turn; refuses the node where only the run knows."""
    if not condition.is_constant:
        raise node.unsupported(
            f"whether it goes on ({condition.name!r}) is computed at run time; the turns must be "
            "known at conversion. Export the model with a fixed number of turns"
        )
    if condition.type.size != 1:
        raise node.unsupported(f"its condition has {condition.type.size} elements; one is needed")
    return bool(condition.array().reshape(-1)[0])
