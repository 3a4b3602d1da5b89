"""Short ways to build graphs in tests and to check what passes do to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.ir import DType, Graph, Node, Operation, Value, types_for, verify
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.passes.rewrite import Pass
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.memory_plan import MemoryPlan, plan_memory

SINGLE, DOUBLE = 1e-4, 1e-12
"""How far two graphs may be apart that compute the same in 32 and in 64 bits."""


class TestGraphs(GraphBuilder):
    """A builder with random constants from a seed of its own."""

    __test__ = False

    def __init__(self, seed: int = 0) -> None:
        super().__init__("test")
        self.rng = np.random.default_rng(seed)

    def weight(self, *shape: int, name: str = "weight") -> Value:
        """A float32 constant of normal numbers."""
        return self.constant(self.rng.standard_normal(shape).astype(np.float32), name)

    def positive(self, *shape: int, name: str = "positive") -> Value:
        """A float32 constant of numbers between 0.5 and 1.5."""
        return self.constant(self.rng.uniform(0.5, 1.5, shape).astype(np.float32), name)


def ops(graph: Graph) -> list[type[Operation]]:
    """The operations of a graph in execution order."""
    return [type(node.op) for node in graph.nodes]


def feeds(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs for a graph; a symbolic dimension becomes 2."""
    rng = np.random.default_rng(seed)
    return {value.name: _random(rng, value) for value in graph.inputs}


def _random(rng: np.random.Generator, value: Value) -> np.ndarray:
    shape = [2 if isinstance(dim, str) else dim for dim in value.shape]
    if value.dtype is DType.BOOL:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if value.dtype.is_integer:
        return rng.integers(0, 4, shape).astype(value.dtype.numpy)
    return rng.standard_normal(shape).astype(value.dtype.numpy)


def run(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """What a graph makes of random inputs."""
    return Executor(graph).run(feeds(graph, seed))


def planned(graph: Graph, workspaces: Mapping[Node, int] | None = None) -> MemoryPlan:
    """Where values lie for the sizes that a graph says."""
    return plan_memory(graph, types_for(graph, {}), workspaces)


def unplanned(graph: Graph, settings: Settings | None = None) -> Executor:
    """What runs a graph with memory of its own for every value."""
    executor = Executor(graph, settings)
    executor.plans.declared = MemoryPlan({}, 0, frozenset(), {}, types_for(graph, {}))
    return executor


def assert_rewrites(
    graph_pass: Pass, graph: Graph, count: int, *, tolerance: float = DOUBLE
) -> None:
    """Assert that the pass makes ``count`` rewrites and changes no result.

    It is judged on the graph and on its copy in float64, where ``tolerance`` holds.
    """
    wide = in_double_precision(graph)
    _assert_rewrites(graph_pass, graph, count, SINGLE)
    _assert_rewrites(graph_pass, wide, count, tolerance)


def _assert_rewrites(graph_pass: Pass, graph: Graph, count: int, tolerance: float) -> None:
    before = run(copy.deepcopy(graph))
    report = graph_pass.run(graph)
    assert report.changes == count, report
    verify(graph)
    after = run(graph)
    assert list(after) == list(before)
    for name, expected in before.items():
        assert after[name].dtype == expected.dtype
        assert np.abs(expected).max() > 0.1, f"{name} is about zero: comparing proves nothing"
        np.testing.assert_allclose(
            after[name], expected, rtol=tolerance, atol=tolerance, err_msg=name
        )


def assert_computes_the_same(
    change: Callable[[Graph], object],
    graph: Graph,
    *,
    fed: Mapping[str, np.ndarray] | None = None,
    tolerance: float = DOUBLE,
) -> None:
    """Assert that what is done to a graph changes no result.

    It is done to the graph and to its copy in float64, where ``tolerance`` holds, each on
    ``fed`` or on random inputs.
    """
    for each, bound in ((in_double_precision(graph), tolerance), (graph, SINGLE)):
        given = feeds(each) if fed is None else _typed(each, fed)
        expected = Executor(copy.deepcopy(each)).run(given)
        change(each)
        verify(each)
        found = Executor(each).run(given)
        assert list(found) == list(expected)
        for name, array in expected.items():
            assert found[name].dtype == array.dtype
            assert np.abs(array).max() > 0.1, f"{name} is about zero: comparing proves nothing"
            np.testing.assert_allclose(found[name], array, rtol=bound, atol=bound, err_msg=name)


def _typed(graph: Graph, fed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {value.name: fed[value.name].astype(value.dtype.numpy) for value in graph.inputs}


__all__ = [
    "DOUBLE",
    "TestGraphs",
    "assert_computes_the_same",
    "assert_rewrites",
    "feeds",
    "ops",
    "run",
]
