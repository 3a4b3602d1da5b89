"""Reads operators that name other graphs of the file, which are read in their place.

Of IF that is one branch where the condition is known at conversion, else both: both are
computed then, and ``where`` takes what one of them makes. A composite's graph says in plain
operators what it computes; its name and attributes are for runtimes that know better.
"""

from __future__ import annotations

from opt_tool.errors import UnsupportedError
from opt_tool.formats.choosing import selected
from opt_tool.formats.tflite.layout import GRAPHS
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import Made, tflite_op


@tflite_op("CALL", "STABLEHLO_COMPOSITE")
def called(node: TfliteNode) -> list[Laid]:
    (name,) = GRAPHS[node.operator]
    return _made_by(node, name, 0)


@tflite_op("IF")
def choice(node: TfliteNode) -> list[Made]:
    """Operands: the condition, and what the branches take."""
    condition, names = node.value(0), GRAPHS[node.operator]
    if condition.is_constant:
        return [*_made_by(node, names[0 if condition.array().reshape(-1)[0] else 1], 1)]
    results = [[node.in_order(x) for x in _made_by(node, name, 1)] for name in names]

    def undecided(fact: str) -> UnsupportedError:
        return node.unsupported(
            f"its condition ({condition.name!r}) is computed at run time, and {fact}. Fix the "
            "input shapes with --input-shape if it depends on them, or export one branch"
        )

    return [
        selected(node, condition, pair, undecided=undecided) for pair in zip(*results, strict=True)
    ]


def _made_by(node: TfliteNode, name: str, first: int) -> list[Laid]:
    """What the graph that an option names makes of the operands from the first one on."""
    operands = [node.laid(index) for index in range(first, node.count)]
    return node.reader.branch(node, node.integer(name), operands)
