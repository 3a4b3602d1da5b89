"""Finds what comes before a final softmax or sigmoid.

Saturated outputs hide errors: two models whose probabilities agree to six digits may have
scores that are far apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from opt_tool.ir import Graph, Node, Value

SATURATING = frozenset({"softmax", "sigmoid", "hard_sigmoid", "tanh"})
NEAR_ZERO = frozenset({"sigmoid", "hard_sigmoid"})
"""Those whose results may all be nearly zero, where a model finds nothing."""
MOVES = frozenset(
    {
        "assign", "cast", "concat", "flatten", "flatten2", "flatten_contiguous_range",
        "reshape", "reshape2", "slice", "split", "squeeze", "squeeze2", "strided_slice",
        "transpose", "transpose2", "unsqueeze", "unsqueeze2",
    }
)  # fmt: skip
"""Operations that move numbers and change none."""


MIXES = frozenset({"concat"})
"""Those whose result holds several tensors."""


@dataclass(frozen=True, slots=True)
class FinalActivation:
    """What the activation at a position among the graph's nodes reads."""

    position: int
    operator: str
    value: Value


def final_activations(graph: Graph) -> list[FinalActivation]:
    """The saturating activations whose results are outputs, whole or in parts, in order."""
    positions = {node: position for position, node in enumerate(graph.nodes)}
    found: dict[int, FinalActivation] = {}
    waiting = list(graph.outputs)
    seen: set[Value] = set()
    while waiting:
        value = waiting.pop()
        node = value.producer
        if node is None or value in seen:
            continue
        seen.add(value)
        if node.op.type in SATURATING:
            position = positions[node]
            found[position] = FinalActivation(position, node.op.type, node.input("X"))
        elif node.op.type in MOVES:
            waiting.extend(node.inputs.flat())
    return [found[position] for position in sorted(found)]


def is_near_zero_alone(output: Value) -> bool:
    """Whether an output is nothing but what an activation makes that may be near zero."""
    node = _behind_moves(output)
    return node is not None and node.op.type in NEAR_ZERO


def is_saturated_alone(output: Value) -> bool:
    """Whether an output is nothing but what one saturating activation makes."""
    node = _behind_moves(output)
    return node is not None and node.op.type in SATURATING


def _behind_moves(output: Value) -> Node | None:
    """What makes the numbers of an output that are all from one operation."""
    node: Node | None = output.producer
    while node is not None and node.op.type in MOVES - MIXES:
        node = node.input("X").producer if "X" in node.inputs else None
    return node
