"""The memory that runs write to, by plan: where each node's output lies, and what was captured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from opt_tool.ir import Node, Value
from opt_tool.kernels.calls import Call
from opt_tool.kernels.memory import aligned_empty, channels_first
from opt_tool.runtime.fed_plans import RECENT
from opt_tool.runtime.memory_plan import MemoryPlan


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where a run writes that follows a plan.

    Attributes:
        plan: The plan.
        memory: What is planned.
        outs: Where each step writes, None where nothing is planned.
        captured: The calls of steps whose operands are constants or lie in this memory, from the
            first run on; None where there are none to replay.
    """

    plan: MemoryPlan
    memory: np.ndarray
    outs: tuple[np.ndarray | None, ...]
    captured: dict[Node, tuple[Call, ...] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: MemoryPlan, memory: np.ndarray, nodes: Iterable[Node]) -> Places:
        """The places of the outputs of nodes."""
        return cls(plan, memory, tuple(_place(node.output, plan, memory) for node in nodes))


def _place(value: Value, plan: MemoryPlan, memory: np.ndarray) -> np.ndarray | None:
    start = plan.offsets.get(value)
    if start is None:
        return None
    type = plan.types[value]
    part = memory[start : start + type.nbytes].view(type.dtype.numpy)
    shape = type.static_shape
    if value not in plan.channels_last:
        return part.reshape(shape)
    return channels_first(part.reshape(shape[0], *shape[2:], shape[1]))


class Arena:
    """Memory for one run at a time, as much as the largest plan needs that came so far."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = tuple(nodes)
        self._memory = _empty(0)
        self._places: dict[MemoryPlan, Places] = {}

    def places(self, plan: MemoryPlan) -> Places:
        """Where a run that follows a plan writes."""
        if plan.size > len(self._memory):
            self._places.clear()  # which hold the memory
            self._memory = _empty(0)
            self._memory = _empty(plan.size)
        places = self._places.pop(plan, None)
        if places is None:
            places = Places.of(plan, self._memory, self._nodes)
            for oldest in list(self._places)[: -(RECENT - 1)]:
                del self._places[oldest]
        self._places[plan] = places
        return places


def _empty(size: int) -> np.ndarray:
    return aligned_empty((size,), np.dtype(np.uint8))
