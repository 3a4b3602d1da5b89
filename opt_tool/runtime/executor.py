"""Runs a graph node by node.

Values of known sizes lie in memory that is planned once and used in every run, those whose
sizes follow from what is fed too once that comes again; the others are freed after their last
use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from opt_tool.errors import UsageError
from opt_tool.ir import Graph, Node, Types, Value
from opt_tool.ir.mapped_arrays import forget
from opt_tool.kernels.calls import Call, replay
from opt_tool.kernels.memory import aligned_copy
from opt_tool.runtime.arena import Arena, Places
from opt_tool.runtime.binding import Capturable, Compute, Prepared, Settings, as_results, bind
from opt_tool.runtime.fed_plans import FedPlans
from opt_tool.runtime.memory_plan import MemoryPlan
from opt_tool.runtime.threads import limited_threads

LARGE = 1 << 30
"""Weights of more bytes, where they are mapped, are read from the file in each run."""


class Step(NamedTuple):
    """One node, ready to run."""

    node: Node
    compute: Compute
    frees: tuple[Value, ...]


class Executor:
    """A graph made ready to run once, then run as often as wanted.

    Attributes:
        graph: What is run; it must not be changed any more.
        settings: How it is run.
        steps: Its nodes, ready to run.
        plans: Where intermediate values lie.
        released_bytes: The bytes of the weights that were let go.
    """

    def __init__(
        self,
        graph: Graph,
        settings: Settings | None = None,
        *,
        release: bool = False,
        until: Node | None = None,
    ) -> None:
        """Make a graph ready.

        Args:
            graph: What is to be run.
            settings: How.
            release: Whether to take weights out of the graph that are kept in another form, and
                out of their file where they lie anywhere in it; nothing else may read them
                afterwards.
            until: The last node to run, where not all are; outputs behind it are not computed.
        """
        self.graph = graph
        self.settings = Settings() if settings is None else settings
        self.released_bytes = 0
        self._is_large = sum(value.type.nbytes for value in graph.constants) > LARGE
        if self._is_large:
            self.settings = replace(self.settings, as_stored=True)
        last_use = _last_uses(graph)
        steps = []
        for node in graph.nodes:
            if release and not self._is_large:
                _align(node)
            step = Step(node, bind(node, self.settings), last_use.get(node, ()))
            steps.append(step)
            if release:
                self.released_bytes += _release(step, graph)
            if node is until:
                break
        self.steps = tuple(steps)
        computes: Iterator[tuple[Node, object]] = ((step.node, step.compute) for step in steps)
        self._capturable = {node: one for node, one in computes if isinstance(one, Capturable)}
        self._constants = {value: value.array() for value in graph.constants}
        self.plans = FedPlans(graph, self._workspaces)
        self._arenas: list[Arena] = []

    @property
    def weight_bytes(self) -> int:
        """The bytes of all constants, those that were let go too."""
        return sum(array.nbytes for array in self._constants.values())

    @property
    def prepared_bytes(self) -> int:
        """The bytes of all weights that were made ready for an algorithm beside the constants."""
        computes: Iterator[object] = (step.compute for step in self.steps)
        return sum(one.prepared_bytes for one in computes if isinstance(one, Prepared))

    def constant(self, value: Value) -> np.ndarray:
        """A constant of the graph as its operations read it."""
        return self._constants[value]

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        *,
        keep: Iterable[str] = (),
        watch: Callable[[Node, Iterable[np.ndarray]], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Compute the outputs.

        Args:
            feeds: An array for each graph input, by name.
            keep: Names of intermediate values to return as well.
            watch: Called after each node with the node and what it made.

        Raises:
            UsageError: when an input is missing, unknown or of another rank or dtype.
        """
        arrays = self.started(feeds)
        kept = {name: self.graph.values[name] for name in keep}
        results = {name: arrays[value] for name, value in kept.items() if value in arrays}
        wanted = {value: name for name, value in kept.items()}
        plan = self.plans.plan_for(arrays)
        with self.places(plan) as places, limited_threads(self.settings.threads):
            for step, out in zip(self.steps, places.outs, strict=True):
                made = self._compute(step, arrays, out, places)
                for value, array in zip(step.node.outputs.flat(), made, strict=True):
                    if value in wanted:
                        results[wanted[value]] = array.copy()
                if watch is not None:
                    watch(step.node, made)
                for value in step.frees:
                    del arrays[value]
                if self._is_large:
                    self._forget_weights(step.node)
            return results | {
                value.name: _own_copy(arrays[value], places.memory)
                for value in self.graph.outputs
                if value in arrays
            }

    def started(self, feeds: Mapping[str, np.ndarray]) -> dict[Value, np.ndarray]:
        """What a run begins with: the constants and the inputs, as in ``run``."""
        return {**self._constants, **self._fed(feeds)}

    def _workspaces(self, types: Types) -> dict[Node, int]:
        """The nodes whose calls are captured, and how much memory those take."""
        needed = {
            node: capturable.workspace_bytes(node.inputs.map(types.__getitem__))
            for node, capturable in self._capturable.items()
        }
        return {node: size for node, size in needed.items() if size is not None}

    def _compute(
        self, step: Step, arrays: dict[Value, np.ndarray], out: np.ndarray | None, places: Places
    ) -> Sequence[np.ndarray]:
        """The same as ``compute``, by the calls that were captured for its place if any were."""
        if out is None or step.node not in places.plan.workspaces:
            return compute(step, arrays, out)
        if step.node not in places.captured:
            places.captured[step.node] = self._capture(step, arrays, out, places)
        calls = places.captured[step.node]
        if calls is None:
            return compute(step, arrays, out)
        replay(calls)
        arrays[step.node.output] = out
        return (out,)

    def _capture(
        self, step: Step, arrays: dict[Value, np.ndarray], out: np.ndarray, places: Places
    ) -> tuple[Call, ...] | None:
        """What a step calls in every run, if its operands lie where they are now in every run."""
        plan, memory = places.plan, places.memory
        for value in step.node.inputs.flat():
            is_planned = value in plan.offsets and np.may_share_memory(arrays[value], memory)
            if not is_planned and value not in self._constants:
                return None
        workspace = memory[plan.workspaces[step.node]]
        operands = step.node.inputs.map(arrays.__getitem__)
        calls = self._capturable[step.node].capture(operands, out, workspace)
        return None if calls is None else tuple(calls)

    def _forget_weights(self, node: Node) -> None:
        """Give back the memory of what a node read from a mapped file."""
        for value in node.inputs.flat():
            if value in self._constants:
                forget(self._constants[value])

    @contextmanager
    def places(self, plan: MemoryPlan) -> Iterator[Places]:
        """Where a run that follows a plan writes; runs at the same time have their own."""
        arena = self._arenas.pop() if self._arenas else self.new_arena()
        try:
            yield arena.places(plan)
        finally:
            self._arenas.append(arena)

    def new_arena(self) -> Arena:
        """Memory for runs that follow each other."""
        return Arena(step.node for step in self.steps)

    def _fed(self, feeds: Mapping[str, np.ndarray]) -> dict[Value, np.ndarray]:
        known = {value.name: value for value in self.graph.inputs}
        unknown = sorted(set(feeds) - set(known))
        if unknown:
            raise UsageError(f"no input is called {unknown[0]!r}; there are {sorted(known)}")
        return {value: _checked(value, feeds.get(name)) for name, value in known.items()}


def _align(node: Node) -> None:
    """Copy weights from a mapped file where they do not lie at multiples of their elements' size.

    NumPy would copy them in every run: it multiplies and computes on aligned arrays only.
    """
    for value in node.inputs.flat():
        if value.data is not None and not value.data.flags.aligned:
            left, value.data = value.data, aligned_copy(value.data)
            forget(left)


def _release(step: Step, graph: Graph) -> int:
    """Let go of the weights of which a step needs no more than the shape; returns their bytes."""
    released = 0
    slots = step.compute.replaced if isinstance(step.compute, Prepared) else ()
    for value in map(step.node.input, slots):
        if graph.read_once(value):
            released += value.type.nbytes
            if value.data is not None:
                forget(value.data)
            value.data = np.broadcast_to(value.dtype.numpy.type(0), value.type.static_shape)
            value.quantization = None
    return released


def compute(
    step: Step, arrays: dict[Value, np.ndarray], out: np.ndarray | None
) -> Sequence[np.ndarray]:
    """Compute one node from what has been computed, and add what it makes."""
    made = as_results(step.compute(step.node.inputs.map(arrays.__getitem__), out))
    arrays.update(zip(step.node.outputs.flat(), made, strict=True))
    return made


def _own_copy(array: np.ndarray, planned: np.ndarray) -> np.ndarray:
    """The array in the usual order, outside of the planned memory."""
    if array.flags.c_contiguous and not np.may_share_memory(array, planned):
        return array
    return array.copy()


def _checked(value: Value, array: np.ndarray | None) -> np.ndarray:
    if array is None:
        raise UsageError(f"input {value.name!r} is missing; it is {value.type}")
    fits = array.ndim == value.rank and all(
        isinstance(dim, str) or dim == size
        for dim, size in zip(value.shape, array.shape, strict=True)
    )
    if not fits or array.dtype != value.dtype.numpy:
        found = f"{array.dtype}{list(array.shape)}"
        raise UsageError(f"input {value.name!r} must be {value.type}, found {found}")
    return array


def _last_uses(graph: Graph) -> dict[Node, tuple[Value, ...]]:
    """The values that each node is the last to read or that nobody reads after it."""
    last: dict[Value, Node] = {}
    for node in graph.nodes:
        for value in (*node.inputs.flat(), *node.outputs.flat()):
            last[value] = node
    frees: dict[Node, list[Value]] = {}
    for value, node in last.items():
        if not value.is_constant and not graph.is_output(value):
            frees.setdefault(node, []).append(value)
    return {node: tuple(values) for node, values in frees.items()}
