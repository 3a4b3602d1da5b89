"""Runs a graph node by node and frees each value after its last use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from opt_tool.errors import UsageError
from opt_tool.ir import Graph, Node, Operands, Value
from opt_tool.runtime.binding import Compute, Settings, as_results, bind


@dataclass(frozen=True, slots=True)
class Step:
    """One node, ready to run."""

    node: Node
    compute: Compute
    frees: tuple[Value, ...]


class Executor:
    """A graph made ready to run once, then run as often as wanted."""

    def __init__(self, graph: Graph, settings: Settings | None = None) -> None:
        self.graph = graph
        self.settings = Settings() if settings is None else settings
        last_use = _last_uses(graph)
        self.steps = tuple(
            Step(node, bind(node, self.settings), last_use.get(node, ())) for node in graph.nodes
        )
        self._constants = {value: value.array() for value in graph.constants}

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
        arrays: dict[Value, np.ndarray] = {**self._constants, **self._fed(feeds)}
        kept = {name: self.graph.values[name] for name in keep}
        results = {name: arrays[value] for name, value in kept.items() if value in arrays}
        wanted = {value: name for name, value in kept.items()}
        for step in self.steps:
            made = as_results(step.compute(step.node.inputs.map(arrays.__getitem__)))
            for value, array in zip(step.node.outputs.flat(), made, strict=True):
                arrays[value] = array
                if value in wanted:
                    results[wanted[value]] = array.copy()
            if watch is not None:
                watch(step.node, made)
            for value in step.frees:
                del arrays[value]
        return results | {value.name: arrays[value] for value in self.graph.outputs}

    def _fed(self, feeds: Mapping[str, np.ndarray]) -> dict[Value, np.ndarray]:
        known = {value.name: value for value in self.graph.inputs}
        unknown = sorted(set(feeds) - set(known))
        if unknown:
            raise UsageError(f"no input is called {unknown[0]!r}; there are {sorted(known)}")
        return {value: _checked(value, feeds.get(name)) for name, value in known.items()}


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


def run_node(node: Node, inputs: Operands[np.ndarray], settings: Settings) -> list[np.ndarray]:
    """Compute one node outside a graph run."""
    return list(as_results(bind(node, settings)(inputs)))
