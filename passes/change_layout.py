"""Compute in the order of dimensions in which the fewest transposes are left.

Before::

    y = conv2d(transpose2(relu(transpose2(x, axis=p)), axis=q))      # q takes p back

After::

    y = conv2d(relu(x))

All operations that work in any order and hang together, sums, concats, splits, reductions
and the like, form a region. A region changes its order as a whole: transposes in front of
it that now are not needed and those behind it that take them back go, and where something
else enters or leaves, one comes. It changes when that leaves fewer transposes, or smaller
ones; and when it leaves as many, from channels last to channels first, where what scales
and shifts channels can fold into convolutions. Then a softmax keeps its region as it is:
x86's kernel wants the axis that is last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

from opt_tool.ir import Graph, Node, Operation, Shape, Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.reduction import Softmax
from opt_tool.passes.reorder import (
    Order,
    inverse,
    layout_operands,
    reordered,
    reordered_constant,
)
from opt_tool.passes.rewrite import SWEEPS, PassReport

CHANNELS_LAST: Order = (0, 2, 3, 1)
"""The transpose that makes (N, H, W, C) of (N, C, H, W)."""


@dataclass(slots=True)
class Region:
    """Operations that hang together and lose a transpose by ``order`` together."""

    order: Order
    nodes: dict[Node, Operation] = field(default_factory=dict)

    def holds(self, value: Value) -> bool:
        """Whether the value's dimensions stand in the region's order."""
        return value.rank == len(self.order)

    def entering(self) -> Iterator[Value]:
        """The values, not constants, that come from outside, each once."""
        values = (value for node in self.nodes for value in layout_operands(node))
        for value in dict.fromkeys(values):
            if self.holds(value) and not value.is_constant and value.producer not in self.nodes:
                yield value

    def made(self) -> Iterator[Value]:
        """The values that it makes in its order."""
        for node in self.nodes:
            yield from (value for value in node.outputs.flat() if self.holds(value))


class ChangeLayout:
    """Changes the order of dimensions region by region, until none gains by it.

    Every change leaves the graph better than before, so it may stop after any sweep: a
    chain of hundreds of transposes that do not cancel is not pushed to its end.
    """

    name = "change-layout"

    def run(self, graph: Graph) -> PassReport:
        """Change every region that gains by it."""
        total = 0
        for _ in range(SWEEPS):
            changes = self._sweep(graph)
            total += changes
            if changes == 0:
                break
        return PassReport(self.name, total)

    def _sweep(self, graph: Graph) -> int:
        looked: set[tuple[Order, Node]] = set()
        changes = 0
        positions = {node: position for position, node in enumerate(graph.nodes)}
        for node in [node for node in positions if isinstance(node.op, Transpose2)]:
            for order, starts in _starts(node):
                fresh = [s for s in starts if (order, s) not in looked and s.graph is graph]
                region = grown_region(fresh, order)
                looked.update((order, member) for member in region.nodes)
                if region.nodes and _gains(graph, region):
                    change(graph, region, positions)
                    changes += 1
        graph.remove_unused()
        return changes


def _starts(node: Node) -> Iterator[tuple[Order, Sequence[Node]]]:
    """Where regions may begin beside a transpose, and the order that they would lose."""
    assert isinstance(node.op, Transpose2)
    if node.graph is not None:
        yield node.op.axis, node.output.users
    before = node.input("X").producer if node.graph is not None else None
    if before is not None:
        yield inverse(node.op.axis), (before,)


def grown_region(starts: Iterable[Node], order: Order) -> Region:
    """All operations that hang together with the first ones and can lose the order."""
    region = Region(order)
    pending = list(starts)
    while pending:
        node = pending.pop()
        if node in region.nodes:
            continue
        op = reordered(node, order)
        if op is None:
            continue
        region.nodes[node] = op
        pending.extend(_neighbours(region, node))
    return region


def _neighbours(region: Region, node: Node) -> Iterator[Node]:
    for value in layout_operands(node):
        if region.holds(value) and value.producer is not None and not value.is_constant:
            yield value.producer
    for value in node.outputs.flat():
        if region.holds(value):
            for user in value.users:
                if any(value is operand for operand in layout_operands(user)):
                    yield user


# ---- whether it is worth it


def _gains(graph: Graph, region: Region) -> bool:
    """Whether fewer or smaller transposes are left, or as many in the better order."""
    removed = list(_removed(graph, region))
    added = list(_added(graph, region))
    before = (len(removed), sum(map(_elements, removed)))
    after = (len(added), sum(map(_elements, added)))
    if before == after:
        turned = any(isinstance(op, Softmax) for op in region.nodes.values())
        return bool(removed) and region.order == CHANNELS_LAST and not turned
    return before > after


def _removed(graph: Graph, region: Region) -> Iterator[Shape]:
    """The shapes that are not transposed any more."""
    for value in region.entering():
        maker = value.producer
        if maker is None or not _transposes(maker, region.order):
            continue
        alone = all(user in region.nodes for user in value.users)
        if alone and not graph.is_output(value) and _moves(value.shape, inverse(region.order)):
            yield value.shape
    back = inverse(region.order)
    for value in region.made():
        for user in value.users:
            if _transposes(user, back) and _moves(value.shape, back):
                yield value.shape


def _added(graph: Graph, region: Region) -> Iterator[Shape]:
    """The shapes that will have to be transposed."""
    back = inverse(region.order)
    for value in region.entering():
        maker = value.producer
        if (maker is None or not _transposes(maker, region.order)) and _moves(value.shape, back):
            yield value.shape
    for value in region.made():
        if _leaves(graph, region, value) and _moves(value.shape, back):
            yield value.shape


def _leaves(graph: Graph, region: Region, value: Value) -> bool:
    """Whether something outside wants a value in the order that the region gives up."""
    back = inverse(region.order)
    others = (user for user in value.users if user not in region.nodes)
    return graph.is_output(value) or not all(_transposes(user, back) for user in others)


def _transposes(node: Node, order: Order) -> bool:
    return isinstance(node.op, Transpose2) and node.op.axis == order


def _moves(shape: Shape, order: Order) -> bool:
    """Whether a transpose moves elements, not only dimensions of 1."""
    moved = [axis for axis in order if shape[axis] != 1]
    return moved != sorted(moved)


def _elements(shape: Shape) -> int:
    """The elements of a tensor, without the dimensions that only the run knows."""
    return prod(dim for dim in shape if isinstance(dim, int))


# ---- the change


def change(graph: Graph, region: Region, positions: dict[Node, int]) -> None:
    """Give a region the order that it has before the transpose.

    Args:
        graph: The graph.
        region: The operations and what they become.
        positions: Where each node stands in the order of execution; new ones are put in.
    """
    order = sorted(region.nodes, key=lambda node: positions[node])
    idle = [value.producer for value in region.entering()]
    new: dict[Value, Value] = {}
    names: list[tuple[Value, str]] = []
    for node in order:
        made = _reordered(graph, region, node, new)
        positions[made] = positions[node]
        names += _reduced(region, node, made)
    for value in list(region.made()):
        names += _left(graph, region, value, new[value])
    for node in reversed(order):
        graph.remove(node)
    for transpose in dict.fromkeys(idle):
        _remove_idle(graph, transpose)
    for value, name in names:
        if name not in graph.values and not graph.is_output(value):
            graph.rename(value, name)


def _reordered(graph: Graph, region: Region, node: Node, new: dict[Value, Value]) -> Node:
    """Add what ``node`` becomes in front of it, and note what its results become."""
    for value in layout_operands(node):
        if region.holds(value) and not value.is_constant and value not in new:
            new[value] = _entered(graph, region, value, node)
    inputs = {
        slot: [_operand(graph, region, node, value, new) for value in values]
        for slot, values in node.inputs.items()
    }
    made = graph.add(region.nodes[node], inputs, name=node.name, sources=node.sources, before=node)
    made.passes = (*node.passes, ChangeLayout.name)
    for old, value in zip(tuple(node.outputs.flat()), tuple(made.outputs.flat()), strict=True):
        if region.holds(old):
            new[old] = value
        else:
            graph.replace_uses(old, value)
    return made


def _reduced(region: Region, node: Node, made: Node) -> list[tuple[Value, str]]:
    """The results of fewer dimensions, which stay as they were, and their names."""
    pairs = zip(tuple(node.outputs.flat()), tuple(made.outputs.flat()), strict=True)
    return [(value, old.name) for old, value in pairs if not region.holds(old)]


def _entered(graph: Graph, region: Region, value: Value, before: Node) -> Value:
    """A value from outside in the region's new order."""
    maker = value.producer
    if maker is not None and _transposes(maker, region.order):
        return maker.input("X")
    back = Transpose2(axis=inverse(region.order))
    return graph.add(back, {"X": value}, sources=before.sources, before=before).output


def _operand(
    graph: Graph, region: Region, node: Node, value: Value, new: dict[Value, Value]
) -> Value:
    if value in new:
        return new[value]
    if value.is_constant and any(value is operand for operand in layout_operands(node)):
        return graph.add_constant(value.name, reordered_constant(node, value, region.order))
    return value


def _left(graph: Graph, region: Region, old: Value, new: Value) -> list[tuple[Value, str]]:
    """Let what is outside read a new value; return the names that values should get."""
    names = []
    back = inverse(region.order)
    for user in old.users:
        if _transposes(user, back) and graph.can_replace(user.output, new):
            names.append((new, user.output.name))
            graph.replace_uses(user.output, new)
            _remove_idle(graph, user)
    others = [user for user in old.users if user not in region.nodes]
    if others or graph.is_output(old):
        maker = old.producer
        assert maker is not None
        op = Transpose2(axis=region.order)
        forth = graph.add(op, {"X": new}, sources=maker.sources, before=maker).output
        names.append((forth, old.name))
        graph.replace_uses(old, forth)
    return names


def _is_read(graph: Graph, node: Node) -> bool:
    return any(value.users or graph.is_output(value) for value in node.outputs.flat())


def _remove_idle(graph: Graph, node: Node | None) -> None:
    idle = node is not None and isinstance(node.op, Transpose2) and not _is_read(graph, node)
    if node is not None and idle:
        graph.remove(node)
