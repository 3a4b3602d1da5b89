"""Plans one stretch of memory for all intermediate values of a graph with known sizes.

A value lives from the node that makes it to the last one that reads it. Values whose lives
do not overlap may lie in the same place; the largest are placed first, each as low as the
lives of those around it let it (Pisarchyk and Lee, Efficient Memory Management for Deep
Neural Net Inference, 2020: greedy by size). That takes time that grows with the square of
their number, so very many are placed in the order in which they are made, which needs a
little more memory. Where an operation may overwrite an operand that nobody reads any more,
both are one.

Operations that do not write where they are told may return a part of an operand. So what
they make keeps their operands' memory alive.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opt_tool.ir import Graph, Node, Types, Value
from opt_tool.kernels.memory import ALIGNMENT, aligned
from opt_tool.runtime.binding import binding_of
from opt_tool.runtime.free_places import FreePlaces
from opt_tool.runtime.layout import channels_last_values

MANY = 2000
"""More stretches than this are placed in the order in which they are made."""


@dataclass(slots=True, eq=False)
class Stretch:
    """Memory for one value, or for several that overwrite each other in turn."""

    size: int
    first: int
    last: int
    offset: int = 0

    def overlaps(self, other: Stretch) -> bool:
        """Whether both are alive at one time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPlan:
    """Where values lie; those that are not here are made anew in every run.

    Attributes:
        offsets: Where in the memory a value begins, in bytes.
        size: How many bytes the memory has.
        channels_last: The planes whose channels lie in a row.
        workspaces: Where nodes have memory of their own while they compute.
        types: What it is for: the type of each value.
    """

    offsets: Mapping[Value, int]
    size: int
    channels_last: frozenset[Value]
    workspaces: Mapping[Node, slice]
    types: Types


def plan_memory(
    graph: Graph, types: Types, workspaces: Mapping[Node, int] | None = None
) -> MemoryPlan:
    """Give each intermediate value of known size its place, and each workspace of so many bytes."""
    nodes = tuple(graph.nodes)
    planned = frozenset(node.output for node in nodes if _is_planned(node, graph, types))
    bases = _bases(nodes, planned)
    stretches = _lives(nodes, bases, graph.outputs, {value: types[value] for value in planned})
    channels_last = channels_last_values(nodes)
    _join_in_place(nodes, bases, stretches, channels_last, types)
    spaces = _workspaces(nodes, workspaces or {})
    size = _place(dict.fromkeys((*stretches.values(), *spaces.values())))
    offsets = {value: stretch.offset for value, stretch in stretches.items()}
    places = {node: slice(one.offset, one.offset + one.size) for node, one in spaces.items()}
    return MemoryPlan(offsets, size, channels_last & offsets.keys(), places, types)


def _workspaces(nodes: tuple[Node, ...], sizes: Mapping[Node, int]) -> dict[Node, Stretch]:
    """A stretch for each workspace, which lives as long as its node computes."""
    return {
        node: Stretch(sizes[node], position, position)
        for position, node in enumerate(nodes)
        if node in sizes
    }


def _is_planned(node: Node, graph: Graph, types: Types) -> bool:
    outputs = tuple(node.outputs.flat())
    return (
        binding_of(node.op).writes
        and len(outputs) == 1
        and types[outputs[0]].is_static
        and not graph.is_output(outputs[0])
    )


def _bases(nodes: tuple[Node, ...], planned: frozenset[Value]) -> dict[Value, frozenset[Value]]:
    """The planned values in whose memory each value may lie."""
    bases: dict[Value, frozenset[Value]] = {}
    for node in nodes:
        read = [bases.get(value, frozenset()) for value in node.inputs.flat()]
        for value in node.outputs.flat():
            if binding_of(node.op).writes:
                bases[value] = planned & {value}
            else:
                bases[value] = frozenset().union(*read)
    return bases


def _lives(
    nodes: tuple[Node, ...],
    bases: Mapping[Value, frozenset[Value]],
    outputs: Iterable[Value],
    planned: Types,
) -> dict[Value, Stretch]:
    """A stretch for each planned value, from where it is made to where it is read last."""
    stretches: dict[Value, Stretch] = {}
    for position, node in enumerate(nodes):
        for value in node.outputs.flat():
            if value in planned:
                stretches[value] = Stretch(planned[value].nbytes, position, position)
        for value in (*node.inputs.flat(), *node.outputs.flat()):
            for base in bases.get(value, ()):
                stretches[base].last = position
    for value in outputs:
        for base in bases.get(value, ()):
            stretches[base].last = len(nodes)
    return stretches


def _join_in_place(
    nodes: tuple[Node, ...],
    bases: Mapping[Value, frozenset[Value]],
    stretches: dict[Value, Stretch],
    channels_last: frozenset[Value],
    types: Types,
) -> None:
    """Let outputs overwrite operands that end where they begin."""
    for position, node in enumerate(nodes):
        output = node.output
        if output not in stretches:
            continue
        for slot in binding_of(node.op).in_place:
            operand = node.inputs.maybe(slot)
            if operand is None or types[operand] != types[output]:
                continue
            if (operand in channels_last) != (output in channels_last):
                continue
            if not _may_overwrite(node, operand, position, bases, stretches):
                continue
            stretch = stretches[operand]
            stretch.last = stretches[output].last
            stretches[output] = stretch
            break


def _may_overwrite(
    node: Node,
    operand: Value,
    position: int,
    bases: Mapping[Value, frozenset[Value]],
    stretches: Mapping[Value, Stretch],
) -> bool:
    stretch = stretches.get(operand)
    if stretch is None or stretch.last != position:
        return False
    others = (value for value in node.inputs.flat() if value is not operand)
    return all(stretches[base] is not stretch for value in others for base in bases.get(value, ()))


def _place(stretches: Iterable[Stretch]) -> int:
    """Give each stretch its offset; returns the size of the whole."""
    unplaced = list(stretches)
    return _place_by_size(unplaced) if len(unplaced) <= MANY else _place_in_order(unplaced)


def _place_by_size(stretches: Sequence[Stretch]) -> int:
    placed: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (-s.size, s.first)):
        end = 0
        for other in placed:  # in the order of their offsets
            if not stretch.overlaps(other):
                continue
            if other.offset - end >= stretch.size:
                break
            end = max(end, aligned(other.offset + other.size))
        stretch.offset = end
        insort(placed, stretch, key=lambda s: s.offset)
    return max((stretch.offset + stretch.size for stretch in placed), default=0)


def _place_in_order(stretches: Sequence[Stretch]) -> int:
    places = FreePlaces()
    alive: list[tuple[int, int, int]] = []  # last, offset and size
    for stretch in sorted(stretches, key=lambda s: s.first):
        while alive and alive[0][0] < stretch.first:
            _, offset, size = heapq.heappop(alive)
            places.give_back(offset, size)
        size = max(aligned(stretch.size), ALIGNMENT)  # no two begin at one place
        stretch.offset = places.take(size)
        heapq.heappush(alive, (stretch.last, stretch.offset, size))
    return places.size
