"""Compares two models sample by sample, their outputs and what is inside of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opt_tool.api.comparison_report import ComparisonReport
from opt_tool.api.difference import Difference
from opt_tool.api.drift import drifted, without_chosen
from opt_tool.api.final_activations import final_activations
from opt_tool.api.input_layout import channels_first
from opt_tool.api.judgement import Judgement, bound_of, failed, samples_of
from opt_tool.api.layer_verifier import LayerVerdict, LayerVerifier
from opt_tool.api.opened_model import OpenedModel, as_candidate_has_it, is_channels_first_of
from opt_tool.api.report import InputReport
from opt_tool.api.verification import Pair, add_sample, comparisons_of, output_pairs, renamed
from opt_tool.errors import UsageError
from opt_tool.ir import Graph


class ModelComparison:
    """Two models that are compared.

    Args:
        reference_files: The model that is right.
        candidate_files: The model to be checked.
        judgement: What they are compared on.

    Raises:
        UsageError: when the models do not have as many inputs and outputs.
    """

    def __init__(
        self,
        reference_files: Sequence[Path],
        candidate_files: Sequence[Path],
        judgement: Judgement,
    ) -> None:
        judgement.on_stage("read")
        candidate = OpenedModel.read(candidate_files, {})
        given = OpenedModel.read(reference_files, judgement.input_shapes)
        self.reference = as_candidate_has_it(given, candidate.graph)
        self.candidate = as_candidate_has_it(candidate, self.reference.graph)
        self.judgement = judgement
        _check_sides(self.reference, self.candidate)
        self.moved = _pictures_moved(self.reference.graph, self.candidate.graph)

    def run(self) -> ComparisonReport:
        """Run both on all samples."""
        pairs = _output_pairs(self.reference.graph, self.candidate.graph)
        layers = self._layers()
        inner = () if layers is None else layers.reference_tensors
        runner = self.reference.runner([*(pair.reference for pair in pairs), *inner])
        checked = self.candidate.runner([pair.candidate for pair in pairs])
        comparisons = comparisons_of(pairs)
        inputs: tuple[InputReport, ...] = ()
        count = 0
        for sample, expected in samples_of(self.judgement, runner, self.reference.graph):
            count += 1
            self.judgement.on_stage(f"verify: sample {count}")
            inputs = tuple(InputReport.of(name, array) for name, array in sample.items())
            feeds = renamed(channels_first(sample, self.moved), checked)
            add_sample(comparisons, pairs, expected, checked.run(feeds))
            if layers is not None:
                layers.add(sample, feeds, expected)
        outputs = tuple(comparison.result() for comparison in comparisons)
        return self._report(count, inputs, outputs, layers)

    def _layers(self) -> LayerVerifier | None:
        if not self.judgement.per_layer:
            return None
        return LayerVerifier(self.reference, self.candidate, self.moved)

    def _report(
        self,
        count: int,
        inputs: tuple[InputReport, ...],
        outputs: tuple[Difference, ...],
        layers: LayerVerifier | None,
    ) -> ComparisonReport:
        bound = bound_of(self.judgement, half=self.reference.loaded.half_precision)
        quantized = is_quantized(self.candidate.graph) and not is_quantized(self.reference.graph)
        least = self.judgement.min_sqnr if quantized and self.judgement.bound is None else None
        warnings: tuple[str, ...] = ()
        if least is None:
            bad = failed(outputs, bound)
        else:
            outputs, warnings = without_chosen(outputs, self.candidate.graph)
            bad = bool(drifted(outputs, self.candidate.graph, least))
        verdict = LayerVerdict()
        if layers is not None:
            self.judgement.on_stage("verify: layers")
            verdict = layers.verdict(bound, failed=bad, quantized=quantized)
        return ComparisonReport(
            status="failed" if bad else "passed",
            reference=str(self.reference.loaded.files[0]),
            candidate=str(self.candidate.loaded.files[0]),
            bound=bound,
            samples=count,
            inputs=inputs,
            outputs=outputs,
            min_sqnr_db=least,
            preprocessing=self.judgement.picture_treatment,
            layers=verdict.layers,
            first_divergence=verdict.first,
            cause=verdict.cause,
            ranking=verdict.ranking,
            warnings=(*self.judgement.warnings, *warnings, *verdict.warnings),
        )


def is_quantized(graph: Graph) -> bool:
    """Whether weights are stored as integers."""
    return any(value.quantization is not None for value in graph.constants)


def _check_sides(reference: OpenedModel, candidate: OpenedModel) -> None:
    for side in ("inputs", "outputs"):
        counts = [len(getattr(model.graph, side)) for model in (reference, candidate)]
        if counts[0] != counts[1]:
            files = [model.loaded.files[0] for model in (reference, candidate)]
            raise UsageError(
                f"{files[0]} has {counts[0]} {side}, {files[1]} has {counts[1]}; "
                "they cannot be compared"
            )


def _pictures_moved(reference: Graph, candidate: Graph) -> tuple[str, ...]:
    """The inputs of the reference that the candidate takes with the channels first."""
    return tuple(
        ours.name
        for ours, theirs in zip(reference.inputs, candidate.inputs, strict=True)
        if ours.shape != theirs.shape and is_channels_first_of(theirs.shape, ours.shape)
    )


def _output_pairs(reference: Graph, candidate: Graph) -> list[Pair]:
    """The outputs by position, and what comes before final activations where both have them."""
    finals = final_activations(reference), final_activations(candidate)
    operators = [[(final.operator, final.slot) for final in side] for side in finals]
    names = [value.name for value in reference.outputs]
    outer = output_pairs(names, candidate, inner_compared=operators[0] == operators[1])
    if operators[0] != operators[1]:
        return outer
    inner = [Pair(a.value.name, b.value.name, a.operator) for a, b in zip(*finals, strict=True)]
    return [*outer, *inner]
