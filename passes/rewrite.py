"""What a pass is: looks for its pattern everywhere and rewrites until nothing is left.

``match`` looks and never touches: it returns what it found, ``Kept`` with the reason for
a near miss, or None. ``rewrite`` cannot fail: every condition stands in ``match``.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

from opt_tool.ir import Graph, Node, Operation

M = TypeVar("M")

SWEEPS = 20
"""More sweeps over a graph than any pattern needs; one that goes on is a fault of ours."""


class Kept(NamedTuple):
    """Why a node that nearly matched was left alone."""

    reason: str


class PassReport(NamedTuple):
    """What one pass did: how many rewrites, and the near misses by node name."""

    name: str
    changes: int
    kept: tuple[tuple[str, str], ...] = ()


class Pass(Protocol):
    """Anything that changes a graph and says how often."""

    @property
    def name(self) -> str: ...

    def run(self, graph: Graph) -> PassReport: ...


class Rewrite(abc.ABC, Generic[M]):
    """A pass that matches at one node and rewrites around it.

    Attributes:
        roots: The operations of the nodes that ``match`` is called for.
    """

    roots: ClassVar[tuple[type[Operation], ...]] = (Operation,)

    @property
    def name(self) -> str:
        """The class name in lower case with hyphens, as reports show it."""
        return "".join(
            f"-{char.lower()}" if char.isupper() else char for char in type(self).__name__
        ).lstrip("-")

    @abc.abstractmethod
    def match(self, graph: Graph, node: Node) -> M | Kept | None:
        """What is to be rewritten at ``node``, the last of its pattern."""

    @abc.abstractmethod
    def rewrite(self, graph: Graph, match: M) -> Node | None:
        """Rewrite a match and return the node that now does the work, if there is one."""

    def run(self, graph: Graph) -> PassReport:
        """Rewrite every match, sweep after sweep, until a sweep finds none."""
        total = 0
        if not graph.has(self.roots):
            return PassReport(self.name, 0)
        for _ in range(SWEEPS):
            changes, kept = self._sweep(graph)
            total += changes
            if changes == 0:
                return PassReport(self.name, total, tuple(kept))
        raise AssertionError(f"{self.name} does not come to an end")

    def _sweep(self, graph: Graph) -> tuple[int, Sequence[tuple[str, str]]]:
        changes = 0
        kept: list[tuple[str, str]] = []
        for node in graph.nodes:
            if not isinstance(node.op, self.roots):
                continue
            match = self.match(graph, node)
            if isinstance(match, Kept):
                kept.append((node.name, match.reason))
            elif match is not None:
                made = self.rewrite(graph, match)
                if made is not None:
                    made.passes = (*made.passes, self.name)
                changes += 1
        if changes:
            graph.remove_unused()
        return changes, kept
