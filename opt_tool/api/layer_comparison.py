"""Compares two graphs operation by operation, so that a fault is found where it is.

Each operation of the candidate is judged twice. ``difference`` is how far its result is
from the reference's when both models run by themselves: it carries all faults before it.
``own`` is how far it is when the operation is fed with what the reference's operation reads,
so that it carries no fault but its own. ``damage_db`` is what the model's outputs keep when
this operation alone computes as in the candidate and all others as in the reference; it is
found on the first sample, since it takes half a run of the model for each layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from opt_tool.api.difference import Comparison, Difference
from opt_tool.api.final_activations import final_activations, is_chosen, is_saturated_alone
from opt_tool.api.layer_matching import (
    MatchedNodes,
    Matching,
    WeightDifference,
    weight_difference,
)
from opt_tool.api.runners import EXACT, Feeds
from opt_tool.ir import Graph, Node, Value
from opt_tool.runtime.binding import as_results
from opt_tool.runtime.executor import Executor, Step

Arrays = Mapping[Value, np.ndarray]


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """What one operation of the candidate makes, against the reference's tensor.

    ``passes`` are those that made the operation from the reference's nodes, ``sources``.
    ``own`` is None where not all that it reads is known, ``weight`` where no constant
    differs, ``damage_db`` where that is so or nothing is lost.
    """

    op: str
    candidate: str
    passes: tuple[str, ...]
    sources: tuple[str, ...]
    difference: Difference
    own: Difference | None
    weight: WeightDifference | None
    damage_db: float | None


class LayerComparison:
    """Takes in samples of two graphs and makes the differences of their layers.

    Args:
        reference: The graph that is right.
        candidate: The graph to be checked.
    """

    def __init__(self, reference: Graph, candidate: Graph) -> None:
        self.matching = Matching(reference, candidate)
        self._reference = Executor(reference, EXACT)
        self._candidate = Executor(candidate, EXACT)
        self._steps = {step.node: step for step in self._candidate.steps}
        self._replay = Replay(self._reference)
        self._replayed = False
        self._layers = [
            _Layer(pair, alone=self.matching.reads_known(pair.candidate))
            for pair in self.matching.nodes
        ]
        self._by_node = {layer.pair.candidate: layer for layer in self._layers}
        self.candidate_graph = candidate
        self._made = [value.name for node in reference.nodes for value in node.outputs.flat()]

    def add(
        self,
        reference_feeds: Feeds,
        candidate_feeds: Feeds,
        tensors: Mapping[str, np.ndarray],
    ) -> None:
        """Take in one sample.

        Args:
            reference_feeds: Inputs by the reference's names.
            candidate_feeds: The same by the candidate's.
            tensors: What the reference's own runtime has found, by the reference's names;
                what it lacks is computed.
        """
        results = self._reference.run(reference_feeds, keep=self._made)
        values = self._reference.graph.values
        arrays = {values[name]: array for name, array in results.items()}
        arrays.update(
            {value: reference_feeds[value.name] for value in self._reference.graph.inputs}
        )
        for layer in self._layers:
            if layer.own is not None:
                self._add_own(layer, arrays)
        self._replayed = True

        def compare(node: Node, made: Iterable[np.ndarray]) -> None:
            layer = self._by_node.get(node)
            if layer is not None:
                layer.add_made(made, arrays, tensors)

        self._candidate.run(candidate_feeds, watch=compare)

    def _add_own(self, layer: _Layer, arrays: Arrays) -> None:
        """Run one node of the candidate on what the reference's node reads."""
        node = layer.pair.candidate
        operands = node.inputs.map(
            lambda value: (
                self._candidate.constant(value)
                if value.is_constant
                else arrays[self.matching.values[value]]
            )
        )
        made = as_results(self._steps[node].compute(operands, None))
        layer.add_own(made, arrays)
        if layer.judged is not None and not self._replayed:
            outputs = dict(zip(layer.pair.reference.outputs.flat(), made, strict=True))
            self._replay.add(layer.judged, layer.pair.reference, outputs, arrays)

    def results(self) -> tuple[LayerDifference, ...]:
        """The differences over all samples, in the candidate's order."""
        return tuple(layer.result() for layer in self._layers)


class _Layer:
    """The comparisons of one pair of operations."""

    def __init__(self, pair: MatchedNodes, *, alone: bool) -> None:
        self.pair = pair
        self.weight = weight_difference(pair)
        name = pair.reference.output.name
        self.run = Comparison(name)
        self.own = Comparison(name) if alone else None
        self.judged: Judged | None = None if self.weight is None else {}

    def add_made(
        self, made: Iterable[np.ndarray], arrays: Arrays, tensors: Mapping[str, np.ndarray]
    ) -> None:
        for value, array in zip(self.pair.reference.outputs.flat(), made, strict=True):
            known = tensors.get(value.name)
            right = known if known is not None and known.shape == array.shape else arrays[value]
            self.run.add(right, array)

    def add_own(self, made: Iterable[np.ndarray], arrays: Arrays) -> None:
        assert self.own is not None
        for value, array in zip(self.pair.reference.outputs.flat(), made, strict=True):
            self.own.add(arrays[value], array)

    def result(self) -> LayerDifference:
        reference, candidate = self.pair.reference, self.pair.candidate
        return LayerDifference(
            op=candidate.op.type,
            candidate=candidate.output.name,
            passes=reference.passes or candidate.passes,
            sources=tuple(dict.fromkeys(source.name for source in reference.sources)),
            difference=self.run.result(),
            own=None if self.own is None else self.own.result(),
            weight=self.weight,
            damage_db=None if self.judged is None else _least_sqnr(self.judged),
        )


# ---- damage


Judged = dict[Value, Comparison]
"""For each tensor that the model is judged by, how far it is off."""


class Replay:
    """Runs a graph again behind one operation that makes something else.

    What the operation does not reach keeps the arrays of the run before.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._judged = judged_values(executor.graph)
        self._behind: dict[Node, list[Step]] = {}

    def add(
        self, comparisons: Judged, node: Node, outputs: Mapping[Value, np.ndarray], arrays: Arrays
    ) -> None:
        """Compare the tensors that the model is judged by with those of the run before."""
        changed = dict(outputs)
        for step in self._steps_behind(node):
            operands = step.node.inputs.map(
                lambda value: (
                    self._executor.constant(value)
                    if value.is_constant
                    else changed.get(value, arrays[value])
                )
            )
            made = as_results(step.compute(operands, None))
            changed.update(zip(step.node.outputs.flat(), made, strict=True))
        for value in self._judged:
            if value in changed:
                comparison = comparisons.setdefault(value, Comparison(value.name))
                comparison.add(arrays[value], changed[value])

    def _steps_behind(self, node: Node) -> list[Step]:
        """The steps that a node's outputs reach, in order."""
        if node not in self._behind:
            reached = set(node.outputs.flat())
            steps = []
            for step in self._executor.steps:
                if not reached.isdisjoint(step.node.inputs.flat()):
                    reached.update(step.node.outputs.flat())
                    steps.append(step)
            self._behind[node] = steps
        return self._behind[node]


def judged_values(graph: Graph) -> list[Value]:
    """The outputs, and of saturated and chosen ones what they are made of."""
    open_ended = [
        value for value in graph.outputs if not (is_saturated_alone(value) or is_chosen(value))
    ]
    inner = [final.value for final in final_activations(graph) if not final.value.is_constant]
    return list(dict.fromkeys(value for value in (*open_ended, *inner) if value.producer))


def _least_sqnr(judged: Judged) -> float | None:
    found = [comparison.result().sqnr_db for comparison in judged.values()]
    return min((db for db in found if db is not None), default=None)
