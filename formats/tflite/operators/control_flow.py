"""Reads IF: one branch where the condition is known at conversion, else both.

Both are computed then, and ``where`` takes what one of them makes.
"""

from __future__ import annotations

from opt_tool.errors import UnsupportedError
from opt_tool.formats.choosing import selected
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import Made, tflite_op

BRANCHES = ("then_subgraph_index", "else_subgraph_index")


@tflite_op("IF")
def choice(node: TfliteNode) -> list[Made]:
    """Operands: the condition, and what the branches take."""
    condition = node.value(0)
    if condition.is_constant:
        return [*_branch(node, BRANCHES[0 if condition.array().reshape(-1)[0] else 1])]
    results = [[node.in_order(x) for x in _branch(node, name)] for name in BRANCHES]
    if len({len(result) for result in results}) > 1:
        raise node.unsupported("its branches make different numbers of results")

    def undecided(fact: str) -> UnsupportedError:
        return node.unsupported(
            f"its condition ({condition.name!r}) is computed at run time, and {fact}. Fix the "
            "input shapes with --input-shape if it depends on them, or export one branch"
        )

    return [
        selected(node, condition, pair, undecided=undecided) for pair in zip(*results, strict=True)
    ]


def _branch(node: TfliteNode, name: str) -> list[Laid]:
    operands = [node.laid(index) for index in range(1, node.count)]
    return node.reader.branch(node, node.integer(name), operands)
