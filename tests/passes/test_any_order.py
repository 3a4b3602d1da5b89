"""Passes and edits in any order leave a sound graph that computes the same.

A pass has all of its conditions in itself, so that it is right wherever it stands in the
pipeline; the order there decides only how much is gained.
"""

from __future__ import annotations

import copy

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from graphs import feeds, run
from opt_tool.ir import Graph, Node, Operation, Value, verify
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Assign, Transpose2
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.insert_casts import InsertCasts
from opt_tool.passes.pipeline import passes_for
from opt_tool.passes.rewrite import Pass
from opt_tool.runtime.executor import Executor
from opt_tool.targets import Library, LiteVersion, Target
from random_graphs import assert_same, random_graph


def all_passes() -> list[Pass]:
    """The passes of every target and build, but for those that look for kernels."""
    found: dict[object, Pass] = {}
    for target in Target:
        for library in Library:
            for each in passes_for(target, LiteVersion.V2_13, library):
                if not isinstance(each, (InsertCasts, ChooseKernels)):
                    found[type(each), str(vars(each))] = each
    return list(found.values())


PASSES = all_passes()
NUMBERS = st.integers(0, 10_000)


class PassesInAnyOrder(RuleBasedStateMachine):
    """A graph in float64, what it computes, and all that can be done to it."""

    graph: Graph

    @initialize(numbers=st.lists(NUMBERS, min_size=4, max_size=14), seed=NUMBERS)
    def make(self, numbers: list[int], seed: int) -> None:
        self.graph = in_double_precision(random_graph(tuple(numbers)))
        self.expected = run(copy.deepcopy(self.graph))
        self.run_the_passes(seed)

    def edge(self, number: int) -> tuple[Value, Node]:
        """A value that is computed or fed, and a node that reads it."""
        edges = [
            (value, node)
            for node in self.graph.nodes
            for value in node.inputs.flat()
            if not value.is_constant
        ]
        return edges[number % len(edges)]

    def detour(self, reader: Node, value: Value, *operations: Operation) -> None:
        """Let a reader of a value read what operations make of it."""
        end = value
        for op in operations:
            end = self.graph.add(op, {"X": end}, name="detour", before=reader).output
        inputs = reader.inputs.map(lambda operand: end if operand is value else operand)
        self.graph.replace_inputs(reader, inputs)

    @rule(seed=NUMBERS)
    def run_the_passes(self, seed: int) -> None:
        for index in np.random.default_rng(seed).permutation(len(PASSES)):
            if PASSES[index].run(self.graph).changes:
                verify(self.graph)

    @rule(number=NUMBERS)
    def copy_a_value(self, number: int) -> None:
        value, reader = self.edge(number)
        self.detour(reader, value, Assign())

    @rule(number=NUMBERS)
    def turn_a_value_and_back(self, number: int) -> None:
        value, reader = self.edge(number)
        if value.rank == 4:
            self.detour(reader, value, Transpose2(axis=(0, 2, 3, 1)), Transpose2(axis=(0, 3, 1, 2)))

    @rule(number=NUMBERS)
    def read_a_value_for_nothing(self, number: int) -> None:
        value, reader = self.edge(number)
        self.graph.add(Relu(), {"X": value}, name="unread", before=reader)

    @rule()
    def remove_what_is_not_read(self) -> None:
        self.graph.remove_unused()

    @rule(number=NUMBERS)
    def rename_a_value(self, number: int) -> None:
        value, _ = self.edge(number)
        if not self.graph.is_output(value) and not self.graph.is_input(value):
            self.graph.rename(value, self.graph.unique_name("renamed"))

    @rule()
    def copy_the_graph(self) -> None:
        self.graph = copy.deepcopy(self.graph)

    @invariant()
    def it_is_sound(self) -> None:
        verify(self.graph)

    @invariant()
    def it_computes_the_same(self) -> None:
        assert_same(Executor(self.graph).run(feeds(self.graph)), self.expected, 1e-11)


PassesInAnyOrder.TestCase.settings = settings(
    max_examples=40, stateful_step_count=8, deadline=None, derandomize=True
)
TestPassesInAnyOrder = PassesInAnyOrder.TestCase
