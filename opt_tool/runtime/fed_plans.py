"""Plans memory for the sizes that inputs are fed with, where the graph leaves them open.

Most exported models leave the batch open and are then run with the same sizes again and again.
Sizes are planned for when they come again soon: a plan takes as long as a few of the runs that
it makes faster, so models whose sizes change with each run go on without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TypeAlias

import numpy as np

from opt_tool.ir import Graph, Node, ShapeError, Types, Value, types_for
from opt_tool.runtime.memory_plan import MemoryPlan, plan_memory

Sizes: TypeAlias = tuple[tuple[int, ...], ...]
"""The shapes of the inputs that a graph leaves open."""

RECENT = 4
"""How many sizes are remembered, and how many plans at most are kept for them."""


class FedPlans:
    """The plans of one graph.

    Args:
        graph: What is run.
        workspaces: How much memory nodes need while they compute, given the types of all values.

    Attributes:
        declared: The plan for the sizes that the graph itself says.
    """

    def __init__(self, graph: Graph, workspaces: Callable[[Types], Mapping[Node, int]]) -> None:
        self._graph = graph
        self._workspaces = workspaces
        self._open = tuple(value for value in graph.inputs if not value.type.is_static)
        self._recent: dict[Sizes, MemoryPlan | None] = {}  # the newest last
        self._lock = Lock()
        self.declared = self._planned(())

    def plan_for(self, arrays: Mapping[Value, np.ndarray]) -> MemoryPlan:
        """What a run with these inputs is to follow."""
        if not self._open:
            return self.declared
        sizes = tuple(arrays[value].shape for value in self._open)
        with self._lock:
            plan = self._known(sizes)
            self._recent.pop(sizes, None)
            self._recent[sizes] = plan
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        return self.declared if plan is None else plan

    def _known(self, sizes: Sizes) -> MemoryPlan | None:
        """The plan for sizes that came before, None for those that did not."""
        if sizes not in self._recent:
            return None
        known = self._recent[sizes]
        return self._planned(sizes) if known is None else known

    def _planned(self, sizes: Sizes) -> MemoryPlan:
        fed = zip(self._open, sizes, strict=False)
        try:
            types = types_for(self._graph, dict(fed))
        except ShapeError:
            return self.declared  # kernels say what does not fit, as in a run without a plan
        return plan_memory(self._graph, types, self._workspaces(types))
