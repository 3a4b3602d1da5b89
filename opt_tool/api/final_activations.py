"""Finds what comes before a final softmax or sigmoid, or before boxes are chosen.

Saturated outputs hide errors: two models whose probabilities agree to six digits may have
scores that are far apart. Lists of boxes make too much of them: where a score lies near a
threshold, a change of its last digit makes a row appear, and all behind it move on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

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


CHOICES: Mapping[str, tuple[str, ...]] = {"multiclass_nms2": ("BBoxes", "Scores")}
"""Operations that choose rows by thresholds, with the slots of what they choose from."""

NUMBERS = (
    SATURATING
    | (MOVES - MIXES)
    | {
        "box_coder", "clip", "elementwise_add", "elementwise_max", "elementwise_min",
        "elementwise_mul", "elementwise_sub", "expand_v2", "scale", "tile", "top_k_v2",
    }
)  # fmt: skip
"""Operations between a network's numbers and a choice; the first operand has those numbers."""

DECODED: Mapping[str, str] = {"box_coder": "TargetBox"}
"""Those in which another slot has the numbers."""


class FinalActivation(NamedTuple):
    """What the operation at a position among the graph's nodes makes its results of.

    The operation is an activation, or a choice, which has two such values by ``slot``.
    """

    position: int
    operator: str
    value: Value
    slot: str = "X"


def final_activations(graph: Graph) -> list[FinalActivation]:
    """What outputs are computed from by saturating activations and choices, in order.

    Activations are those whose results are outputs, whole or in parts.
    """
    choices = [
        FinalActivation(position, node.op.type, _numbers_behind(node.input(slot)), slot)
        for position, node in enumerate(graph.nodes)
        for slot in CHOICES.get(node.op.type, ())
    ]
    return sorted([*_saturating(graph), *choices], key=lambda final: (final.position, final.slot))


def is_chosen(output: Value) -> bool:
    """Whether an output holds rows that were chosen, so that its size depends on the numbers."""
    waiting, seen = [output], set()
    while waiting:
        node = waiting.pop().producer
        if node is None or node in seen:
            continue
        if node.op.type in CHOICES:
            return True
        seen.add(node)
        waiting.extend(node.inputs.flat())
    return False


def measured_values(graph: Graph) -> list[Value]:
    """The outputs, and instead of those that are chosen what they are chosen from."""
    outputs = [value for value in graph.outputs if not is_chosen(value)]
    inner = [final.value for final in final_activations(graph) if final.operator in CHOICES]
    return list(dict.fromkeys((*outputs, *inner)))


def _numbers_behind(value: Value) -> Value:
    """What a network has computed, before it was decoded, bounded and moved.

    Corners that were put together of parts of one tensor are of that.
    """
    value = _before_numbers(value)
    node = value.producer
    if node is None or node.op.type not in MIXES:
        return value
    sources = {_before_numbers(part) for part in node.inputs["X"]}
    return sources.pop() if len(sources) == 1 else value


def _before_numbers(value: Value) -> Value:
    node = value.producer
    while node is not None and node.op.type in NUMBERS:
        read = node.input(DECODED.get(node.op.type, node.op.inputs[0].name))
        if read.is_constant:
            break
        value, node = read, read.producer
    return value


def _saturating(graph: Graph) -> list[FinalActivation]:
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
    return list(found.values())


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
