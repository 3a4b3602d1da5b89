"""Reads operators that name other graphs of the file, which are read in their place.

Those of WHILE are read for each of its turns, if it is known at conversion how many it takes.
Of IF that is one branch where the condition is known at conversion, else both: both are
computed then, and ``where`` takes what one of them makes. A composite's graph says in plain
operators what it computes; its name and attributes are for runtimes that know better.
"""

from __future__ import annotations

from collections.abc import Sequence

from opt_tool.errors import UnsupportedError
from opt_tool.formats.choosing import selected
from opt_tool.formats.loops import check_turn, goes_on
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
        return [*_made_by(node, names[0 if node.number(0, "condition") else 1], 1)]
    results = [[node.in_order(x) for x in _made_by(node, name, 1)] for name in names]

    def undecided(fact: str) -> UnsupportedError:
        return node.unsupported(
            f"its condition ({condition.name!r}) is computed at run time, and {fact}. Fix the "
            "input shapes with --input-shape if it depends on them, or export one branch"
        )

    return [
        selected(node, condition, pair, undecided=undecided) for pair in zip(*results, strict=True)
    ]


@tflite_op("WHILE")
def repeated(node: TfliteNode) -> list[Laid]:
    """Operands: what the first turn takes; each hands as many on to the next."""
    condition, body = (node.integer(name) for name in GRAPHS[node.operator])
    state = [node.laid(index) for index in range(node.count)]
    turn = 0
    while _another(node, condition, state, turn):
        check_turn(node, turn)
        state = node.reader.branch(node, body, state, part=f"{turn}/")
        turn += 1
    return state


def _another(node: TfliteNode, condition: int, state: Sequence[Laid], turn: int) -> bool:
    made = node.reader.branch(node, condition, state, results=1, part=f"{turn}/")
    return goes_on(node, made[0].value)


def _made_by(node: TfliteNode, name: str, first: int) -> list[Laid]:
    """What the graph that an option names makes of the operands from the first one on."""
    operands = [node.laid(index) for index in range(first, node.count)]
    return node.reader.branch(node, node.integer(name), operands)
