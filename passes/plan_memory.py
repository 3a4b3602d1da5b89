"""Give values whose lives do not overlap one variable name, so that they share memory.

The runtime keeps one buffer for each variable of the file and lets it grow to the largest
tensor that it ever holds. Values are placed by size, the largest first: every variable
that exists is then large enough, and the one made last fits best.

An operation's output never shares with its inputs: a kernel may write its output before
it has read all of its input.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from opt_tool.ir import DType, Graph, Node, Value

MOST_PROBES, LEAST_PROBES, ALL_PROBES = 256, 16, 1 << 19
"""Variables to try for one value, and for all values of a graph together as far as each gets
the least number: planning stays linear in graphs that are very wide."""

UNSHARED_OPERATORS = frozenset({"cast", "equal", "expand", "lod_reset", "share_data", "yolo_box"})
"""Operators whose operands keep variables of their own: some kernels of theirs alias.

The list of lite/core/optimizer/mir/memory_optimize_pass.cc, as far as graphs hold them.
"""


class Life(NamedTuple):
    """From the node that makes a value to the last that reads it, by position."""

    start: int
    end: int


@dataclass(slots=True)
class Variable:
    """A name and the lives of the values that have it, in order."""

    name: str
    lives: list[Life] = field(default_factory=list)

    def is_free(self, life: Life) -> bool:
        index = bisect.bisect(self.lives, life)
        return (index == 0 or self.lives[index - 1].end < life.start) and (
            index == len(self.lives) or life.end < self.lives[index].start
        )


def plan_variable_names(graph: Graph) -> dict[Value, str]:
    """A variable name for each value that is not a constant.

    Inputs and outputs keep their names, and nothing shares them: the caller's memory
    stands behind them.
    """
    lives = _lives(graph)
    own = _unshared(graph)
    names = {value: value.name for value in lives if value in own}
    variables: dict[DType, list[Variable]] = {}
    by_size = sorted((value for value in lives if value not in own), key=least_bytes, reverse=True)
    probes = max(LEAST_PROBES, min(MOST_PROBES, ALL_PROBES // (len(by_size) + 1)))
    for value in by_size:
        tried = variables.setdefault(value.dtype, [])
        names[value] = _place(value, lives[value], tried, probes)
    return {value: names[value] for value in lives}


def planned_bytes(names: Mapping[Value, str]) -> int:
    """The memory that the variables of a plan take; a symbolic dimension counts as 1."""
    sizes: dict[str, int] = {}
    for value, name in names.items():
        sizes[name] = max(sizes.get(name, 0), least_bytes(value))
    return sum(sizes.values())


def live_bytes(graph: Graph, order: Iterable[Node]) -> int:
    """The most bytes that live at once in an order of the nodes; as above for open sizes."""
    outputs = set(graph.outputs)
    readers = {value: len(value.users) for value in graph.values.values()}
    current = peak = sum(map(least_bytes, graph.inputs))
    for node in order:
        made = tuple(node.outputs.flat())
        current += sum(map(least_bytes, made))
        peak = max(peak, current)
        current -= sum(least_bytes(v) for v in made if not readers[v] and v not in outputs)
        for value in dict.fromkeys(node.inputs.flat()):
            readers[value] -= 1
            if not readers[value] and not value.is_constant and value not in outputs:
                current -= least_bytes(value)
    return peak


def _place(value: Value, life: Life, variables: list[Variable], probes: int) -> str:
    for variable in reversed(variables[-probes:]):
        if variable.is_free(life):
            bisect.insort(variable.lives, life)
            return variable.name
    variables.append(Variable(value.name, [life]))
    return value.name


def least_bytes(value: Value) -> int:
    """The bytes of a value; a symbolic dimension counts as 1."""
    type = value.type
    if type.is_static:
        return type.nbytes
    return type.with_shape(dim for dim in type.shape if isinstance(dim, int)).nbytes


def _lives(graph: Graph) -> dict[Value, Life]:
    """When each value is alive, in the order in which they are made."""
    first = dict.fromkeys(graph.inputs, -1)
    last = dict.fromkeys(graph.inputs, -1)
    for position, node in enumerate(graph.nodes):
        for value in node.outputs.flat():
            first[value] = last[value] = position
        for value in node.inputs.flat():
            if not value.is_constant:
                last[value] = position
    return {value: Life(start, last[value]) for value, start in first.items()}


def _unshared(graph: Graph) -> set[Value]:
    """The values that keep their own names."""
    operands: Iterable[Value] = (
        value
        for node in graph.nodes
        if node.op.type in UNSHARED_OPERATORS
        for value in (*node.inputs.flat(), *node.outputs.flat())
    )
    return {*graph.inputs, *graph.outputs, *operands}
