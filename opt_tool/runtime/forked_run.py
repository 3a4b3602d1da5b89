"""Runs a graph once and, from any operation on, again with other constants.

To learn what each constant does to the outputs one changes them one after the other. What
comes in front of the operation that reads one is the same each time, and only that operation
has to be made ready again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np

from opt_tool.ir import Node, Value
from opt_tool.runtime.binding import bind
from opt_tool.runtime.executor import Executor, Step, compute
from opt_tool.runtime.threads import limited_threads

Changes: TypeAlias = Mapping[Node, Mapping[Value, np.ndarray]]
"""Other contents for constants, for the nodes that are to read those instead."""


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """Changes, and the nodes that they are for, made ready to run with them."""

    constants: Changes
    steps: Mapping[Node, Step]


def changed(executor: Executor, constants: Changes) -> Changed:
    """Make the nodes ready that read other constants than the executor's."""
    steps = {}
    for step in executor.steps:
        own = constants.get(step.node)
        if own is not None:
            with _contents(own):
                bound = bind(step.node, executor.settings)
            steps[step.node] = step._replace(compute=bound)
    return Changed(constants, steps)


class ForkedRun:
    """A run of a graph that waits in front of a node and can be ended in more than one way.

    Args:
        executor: What runs the graph.
        feeds: An array for each graph input, by name.
        wanted: The values that an end hands back, none of them a constant or an input.
    """

    def __init__(
        self, executor: Executor, feeds: Mapping[str, np.ndarray], wanted: Iterable[Value]
    ) -> None:
        self._executor = executor
        self._wanted = frozenset(wanted)
        self._arrays = executor.started(feeds)
        self._plan = executor.plans.plan_for(self._arrays)
        self._places = executor.new_arena().places(self._plan)
        self._position = 0
        self._found: dict[str, np.ndarray] = {}

    def advance(self, node: Node) -> None:
        """Compute what comes in front of a node, which must not have been passed."""
        with limited_threads(self._executor.settings.threads):
            while (step := self._executor.steps[self._position]).node is not node:
                compute(step, self._arrays, self._places.outs[self._position])
                self._leave(step, self._arrays, self._found)
                self._position += 1

    def end(self, changes: Changed) -> dict[str, np.ndarray]:
        """The wanted values with changes; all of those are for nodes that have not been passed.

        This run stays where it is: what comes is written into memory of its own.
        """
        arrays, found = dict(self._arrays), dict(self._found)
        executor = self._executor
        rest = slice(self._position, None)
        with executor.places(self._plan) as places, limited_threads(executor.settings.threads):
            for step, out in zip(executor.steps[rest], places.outs[rest], strict=True):
                own = changes.steps.get(step.node)
                if own is None:
                    compute(step, arrays, out)
                else:
                    seen = {**arrays, **changes.constants[step.node]}
                    compute(own, seen, out)
                    arrays.update((value, seen[value]) for value in step.node.outputs.flat())
                self._leave(step, arrays, found)
        return found

    def _leave(
        self, step: Step, arrays: dict[Value, np.ndarray], found: dict[str, np.ndarray]
    ) -> None:
        """Copy what is wanted of a step's results and drop what nobody reads any more."""
        for value in step.node.outputs.flat():
            if value in self._wanted:
                found[value.name] = arrays[value].copy()
        for value in step.frees:
            del arrays[value]


@contextmanager
def _contents(arrays: Mapping[Value, np.ndarray]) -> Iterator[None]:
    """Let constants have other contents for a while."""
    own = {value: value.data for value in arrays}
    for value, array in arrays.items():
        value.data = array
    try:
        yield
    finally:
        for value, data in own.items():
            value.data = data
