"""Compares the layers of two models, whatever formats they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opt_tool.api.divergence import (
    Cause,
    cause_in_conversion,
    cause_in_file,
    first_divergence,
)
from opt_tool.api.file_format import FileFormat
from opt_tool.api.input_layout import channels_first, feed_channels_first
from opt_tool.api.judgement import Tensors
from opt_tool.api.layer_comparison import LayerComparison, LayerDifference
from opt_tool.api.lowering import lower, optimise
from opt_tool.api.opened_model import OpenedModel
from opt_tool.api.written_for import target_of, version_of
from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.ir import Graph
from opt_tool.targets import LiteVersion

NOT_MATCHED = "the layers of the two models do not match, so only the outputs were compared"


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """What came of comparing the layers; see ``ComparisonReport``."""

    layers: tuple[LayerDifference, ...] = ()
    first: LayerDifference | None = None
    cause: Cause | None = None
    ranking: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class LayerVerifier:
    """Takes in samples of two models and judges their layers.

    A source model is made what a finished file on the other side was made for: the same
    passes give the same operations. Two source models of one format are compared as they
    were read, those of two formats after the passes.

    Args:
        reference: The model that is right.
        candidate: The model to be checked.
        moved: Inputs of the reference that the candidate takes with the channels first.
    """

    def __init__(
        self, reference: OpenedModel, candidate: OpenedModel, moved: Sequence[str]
    ) -> None:
        self.reference = reference
        self.candidate = candidate
        self._moved = moved
        self._sample: tuple[Tensors, Tensors] | None = None
        self._comparison: LayerComparison | None = None
        self._warnings: tuple[str, ...] = ()
        self.reference_tensors: list[str] = []
        try:
            graphs = self._graphs()
        except UnsupportedError as error:
            self._warnings = (f"{NOT_MATCHED}: {error}",)
            return
        self._comparison = LayerComparison(*graphs)
        made = {value.name for node in graphs[0].nodes for value in node.outputs.flat()}
        self.reference_tensors = sorted(made & reference.tensors)

    def _graphs(self) -> tuple[Graph, Graph]:
        """The two graphs whose operations correspond."""
        reference, candidate = self.reference.again(), self.candidate.again()
        if self._moved:
            feed_channels_first(reference)
        formats = self.reference.format, self.candidate.format
        if formats[0] is formats[1]:
            return reference, candidate
        if FileFormat.PADDLE_LITE in formats:
            finished = formats.index(FileFormat.PADDLE_LITE)
            model = (self.reference, self.candidate)[finished]
            other = (candidate, reference)[finished]
            quantized = any(value.quantization for value in model.graph.constants)
            version = _known_version(model)
            lower(other, target_of(model.graph).value, version, quantized=quantized)
        else:
            optimise(reference)
            optimise(candidate)
        return reference, candidate

    def add(self, sample: Tensors, feeds: Tensors, expected: Tensors) -> None:
        """Take in a sample.

        Args:
            sample: Inputs by the reference's names.
            feeds: Inputs by the candidate's names.
            expected: Tensors that the reference's own runtime has found.
        """
        if self._comparison is None:
            return
        self._comparison.add(channels_first(sample, self._moved), feeds, expected)
        if self._sample is None:
            self._sample = sample, expected

    def verdict(self, bound: float, *, failed: bool, quantized: bool) -> LayerVerdict:
        """What all samples came to."""
        layers = () if self._comparison is None else self._comparison.results()
        if self._comparison is None or not layers:
            return LayerVerdict(warnings=self._warnings or (NOT_MATCHED,))
        first = first_divergence(layers, bound, failed=failed, quantized=quantized)
        damaged = [layer for layer in layers if layer.damage_db is not None]
        return LayerVerdict(
            layers,
            first,
            None if first is None else self._cause(layers.index(first), first, bound),
            tuple(
                layer.difference.name
                for layer in sorted(damaged, key=lambda layer: layer.damage_db or 0.0)
            ),
            self._gaps(len(layers)),
        )

    def _gaps(self, matched: int) -> tuple[str, ...]:
        """That some operations have no partner, where that is so."""
        assert self._comparison is not None
        if self._comparison.matching.complete:
            return ()
        count = len(self._comparison.candidate_graph)
        return (f"only {matched} of {count} layers have a counterpart in the reference",)

    def _cause(self, position: int, first: LayerDifference, bound: float) -> Cause | None:
        assert self._comparison is not None
        found = cause_in_file(first, self._comparison.matching.nodes[position])
        source = self.reference.format is not FileFormat.PADDLE_LITE
        finished = self.candidate.format is FileFormat.PADDLE_LITE
        if found is not None or self._sample is None or not (source and finished):
            return found
        sample, expected = self._sample
        return cause_in_conversion(
            self.reference,
            target_of(self.candidate.graph).value,
            _known_version(self.candidate),
            sample,
            expected,
            bound,
        )


def _known_version(model: OpenedModel) -> str:
    """The runtime version that a file names, or the newest where opt does not know that one."""
    text = version_of(model.loaded)
    try:
        return LiteVersion.parse(text).value
    except UsageError:
        return list(LiteVersion)[-1].value
