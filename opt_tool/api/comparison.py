"""Compares two models on the same inputs and finds the first layer where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.difference import Difference
from opt_tool.api.file_format import FileFormat
from opt_tool.api.final_activations import final_activations
from opt_tool.api.loading import LoadedModel, caffe_files, load_model
from opt_tool.api.lowering import lower
from opt_tool.api.report import InputReport, to_json
from opt_tool.api.runners import NumpyRunner, Runner
from opt_tool.api.sample_inputs import input_specs
from opt_tool.api.verification import (
    BOUND,
    HALF_BOUND,
    SAMPLES,
    Pair,
    compare_tensors,
    output_pairs,
    run_on_samples,
)
from opt_tool.errors import UsageError
from opt_tool.ir import Graph, Node
from opt_tool.targets import PlaceTarget, Target, parse_kernel_attribute


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """What one operation of the candidate makes, against the reference's tensor.

    ``passes`` are those that made the operation from the reference's nodes.
    """

    op: str
    candidate: str
    passes: tuple[str, ...]
    difference: Difference


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """Whether two models compute the same."""

    status: str
    reference: str
    candidate: str
    bound: float
    samples: int
    inputs: tuple[InputReport, ...]
    outputs: tuple[Difference, ...]
    layers: tuple[LayerDifference, ...]
    first_divergence: LayerDifference | None
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        return to_json(self)


@dataclass(frozen=True, slots=True)
class Layer:
    """A pair of tensors and the operation that makes the candidate's."""

    pair: Pair
    op: str
    passes: tuple[str, ...]


def verify(
    reference: str | Path,
    candidate: str | Path,
    *,
    reference_weights: str | Path | None = None,
    candidate_weights: str | Path | None = None,
    inputs: Mapping[str, np.ndarray] | None = None,
    samples: int = SAMPLES,
    per_layer: bool = False,
) -> ComparisonReport:
    """Compare two models, each of any format that opt reads.

    ONNX models run in onnxruntime, Caffe models in OpenCV and TFLite models in LiteRT where
    those are installed, the others in the NumPy runtime. A report with status ``failed`` is
    returned, not raised.

    Args:
        reference: The model that is right.
        candidate: The model to be checked; its inputs and outputs stand in the same order.
        reference_weights: The second file of a reference that is a Caffe model.
        candidate_weights: Likewise of the candidate.
        inputs: Arrays by the reference's input names; by default ``samples`` sets are made
            from a fixed seed.
        samples: How many sets to make.
        per_layer: Whether to compare the tensors inside of the models as well.

    Raises:
        UsageError: when the models do not have as many inputs and outputs.
    """
    right = load_model(reference, reference_weights)
    checked = load_model(candidate, candidate_weights)
    _check_sides(right, checked)
    bound = HALF_BOUND if right.half_precision else BOUND
    pairs = _output_pairs(right.graph, checked.graph)
    layers = _layers(right, checked) if per_layer else []
    keep = [layer.pair for layer in layers]
    runner = _runner(right, [pair.reference for pair in (*pairs, *keep)])
    if inputs is None:
        feeds, expected = run_on_samples(runner, input_specs(right.graph), samples)
    else:
        feeds, expected = [dict(inputs)], [runner.run(inputs)]
    runner = _runner(checked, [pair.candidate for pair in (*pairs, *keep)])
    results = [
        comparison.result()
        for comparison in compare_tensors(runner, feeds, expected, [*pairs, *keep])
    ]
    outputs = tuple(results[: len(pairs)])
    compared = tuple(
        LayerDifference(layer.op, layer.pair.candidate, layer.passes, difference)
        for layer, difference in zip(layers, results[len(pairs) :], strict=True)
    )
    return ComparisonReport(
        status="passed" if all(output.within(bound) for output in outputs) else "failed",
        reference=str(reference),
        candidate=str(candidate),
        bound=bound,
        samples=len(feeds),
        inputs=tuple(InputReport.of(name, array) for name, array in feeds[0].items()),
        outputs=outputs,
        layers=compared,
        first_divergence=next(
            (layer for layer in compared if not layer.difference.within(bound)), None
        ),
        warnings=(NOT_MATCHED,) if per_layer and not layers else (),
    )


NOT_MATCHED = "the layers of the two models do not match, so only the outputs were compared"


def _check_sides(reference: LoadedModel, candidate: LoadedModel) -> None:
    for side in ("inputs", "outputs"):
        counts = [len(getattr(model.graph, side)) for model in (reference, candidate)]
        if counts[0] != counts[1]:
            raise UsageError(
                f"{reference.files[0]} has {counts[0]} {side}, "
                f"{candidate.files[0]} has {counts[1]}; they cannot be compared"
            )


def _output_pairs(reference: Graph, candidate: Graph) -> list[Pair]:
    """The outputs by position, and what comes before final activations where both have them."""
    finals = final_activations(reference), final_activations(candidate)
    operators = [[final.operator for final in side] for side in finals]
    names = [value.name for value in reference.outputs]
    outer = output_pairs(names, candidate, inner_compared=operators[0] == operators[1])
    if operators[0] != operators[1]:
        return outer
    inner = [Pair(a.value.name, b.value.name, a.operator) for a, b in zip(*finals, strict=True)]
    return [*outer, *inner]


def _runner(model: LoadedModel, tensors: Sequence[str]) -> Runner:
    own = {value.name for value in model.graph.outputs}
    keep = list(dict.fromkeys(name for name in tensors if name not in own))
    if model.format is FileFormat.ONNX:
        from opt_tool.api.onnx_runner import OnnxRunner

        return OnnxRunner(model.files[0], keep=keep)
    if model.format is FileFormat.TFLITE:
        from opt_tool.api.litert_runner import tflite_runner

        return tflite_runner(model.files[0], keep=keep)
    if model.format is FileFormat.CAFFE:
        from opt_tool.api.caffe_runner import caffe_runner

        return caffe_runner(*caffe_files(model.files), keep=keep)
    return NumpyRunner(model.graph, keep=keep)


# ---- layers


def _layers(reference: LoadedModel, candidate: LoadedModel) -> list[Layer]:
    """The tensors inside of both models that must be equal, in the candidate's order."""
    if candidate.format is not FileFormat.PADDLE_LITE:
        return _by_name(reference, candidate)
    source = load_model(*reference.files)
    if reference.format is not candidate.format:
        lower(source.graph, target_of(candidate.graph).value, version_of(candidate))
    nodes = list(source.graph.nodes), list(candidate.graph.nodes)
    if [node.op.type for node in nodes[0]] != [node.op.type for node in nodes[1]]:
        return []
    known = {name for node in reference.nodes for name in node.outputs}
    return [
        Layer(Pair(a.name, b.name), there.op.type, here.passes)
        for here, there in zip(*nodes, strict=True)
        for a, b in zip(here.outputs.flat(), there.outputs.flat(), strict=True)
        if a.name in known
    ]


def _by_name(reference: LoadedModel, candidate: LoadedModel) -> list[Layer]:
    known = {name for node in reference.nodes for name in node.outputs}
    return [
        Layer(Pair(name, name), node.operator, ())
        for node in candidate.nodes
        for name in node.outputs
        if name in known
    ]


def target_of(graph: Graph) -> Target:
    """The target that a file's kernels are for."""
    places = {_place_target(node) for node in graph.nodes}
    return Target.X86 if PlaceTarget.X86 in places else Target.ARM


def _place_target(node: Node) -> PlaceTarget:
    if node.kernel is None:
        return PlaceTarget.ANY
    return parse_kernel_attribute(node.kernel).place.target


def version_of(model: LoadedModel) -> str:
    """The runtime version that a file names."""
    from opt_tool.formats.paddle_lite.decode import read_file

    return read_file(model.files[0]).version
