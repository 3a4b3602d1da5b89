"""Compute in the order in which fewer bytes live at once.

Before, where ``x`` has to stay for the second line::

    y = conv2d(x, w)            # large
    z = pool2d(x)               # small

After::

    z = pool2d(x)
    y = conv2d(x, w)

Of the nodes whose operands are there the next is the one that leaves the fewest bytes
behind: what it makes, less what nothing reads any more after it. Equal ones keep their order.
That looks one step ahead only, so the new order is taken where neither what lives at once nor
what the variables of the file hold together is more than before, and one of them is less.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

from opt_tool.ir import Graph, Node, Value
from opt_tool.passes.plan_memory import (
    least_bytes,
    live_bytes,
    plan_variable_names,
    planned_bytes,
)
from opt_tool.passes.rewrite import PassReport


class OrderByMemory:
    """Reorders independent nodes where less memory is needed then."""

    name = "order-by-memory"

    def run(self, graph: Graph) -> PassReport:
        """Reorder the graph, or leave it as it is; every node that moves is a change."""
        before = list(graph.nodes)
        if is_chain(before):
            return PassReport(self.name, 0)
        after = lean_order(graph)
        moved = sum(old is not new for old, new in zip(before, after, strict=True))
        saved = live_bytes(graph, before) - live_bytes(graph, after) if moved else 0
        if moved == 0 or saved < 0:
            return PassReport(self.name, 0)
        held = planned_bytes(plan_variable_names(graph))
        graph.reorder(after)
        released = held - planned_bytes(plan_variable_names(graph))
        if released >= 0 and saved + released > 0:
            return PassReport(self.name, moved)
        graph.reorder(before)
        return PassReport(self.name, 0)


def is_chain(nodes: Sequence[Node]) -> bool:
    """Whether each node waits for the one in front of it, so that there is one order only."""
    return all(
        any(value.producer is before for value in node.inputs.flat())
        for before, node in itertools.pairwise(nodes)
    )


def lean_order(graph: Graph) -> Sequence[Node]:
    """The nodes, each time the one next that leaves the fewest bytes behind.

    What a node leaves behind only falls while others run, when it becomes the last reader of
    an operand. It is queued anew then, and the entry that is out of date is passed over.
    """
    positions = {node: position for position, node in enumerate(graph.nodes)}
    readers = {value: len(value.users) for value in _values(graph)}
    missing = {node: len(_made_operands(node)) for node in positions}
    left = {node: _left_behind(graph, node, readers) for node in positions}
    queue = [(left[node], positions[node], node) for node, count in missing.items() if count == 0]
    heapq.heapify(queue)
    order: list[Node] = []
    done: set[Node] = set()
    while queue:
        bytes_left, _, node = heapq.heappop(queue)
        if node in done or bytes_left != left[node]:
            continue
        order.append(node)
        done.add(node)
        for value in _operands(node):
            readers[value] -= 1
            if readers[value] == 1 and not graph.is_output(value):
                last = next(user for user in value.users if user not in done)
                left[last] -= least_bytes(value)
                if missing[last] == 0:
                    heapq.heappush(queue, (left[last], positions[last], last))
        for value in node.outputs.flat():
            for user in value.users:
                missing[user] -= 1
                if missing[user] == 0:
                    heapq.heappush(queue, (left[user], positions[user], user))
    return order


def _left_behind(graph: Graph, node: Node, readers: dict[Value, int]) -> int:
    """The bytes that a node makes, less those of operands that it alone still reads."""
    freed = (v for v in _operands(node) if readers[v] == 1 and not graph.is_output(v))
    kept = (v for v in node.outputs.flat() if readers[v] or graph.is_output(v))
    return sum(map(least_bytes, kept)) - sum(map(least_bytes, freed))


def _operands(node: Node) -> tuple[Value, ...]:
    """What a node reads that is not a constant, each once."""
    return tuple(dict.fromkeys(v for v in node.inputs.flat() if not v.is_constant))


def _made_operands(node: Node) -> tuple[Value, ...]:
    return tuple(value for value in _operands(node) if value.producer is not None)


def _values(graph: Graph) -> list[Value]:
    return [value for value in graph.values.values() if not value.is_constant]
