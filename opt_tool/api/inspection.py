"""What a model consists of, layer by layer, and how much memory and work it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opt_tool.api import cost
from opt_tool.api.json_form import to_json
from opt_tool.api.loading import load_model
from opt_tool.api.lowering import lower
from opt_tool.ir import Dim, Graph, Node, Value
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.types import product
from opt_tool.runtime.binding import POLICIES, Settings
from opt_tool.runtime.convolution_plan import algorithm_of

DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class TensorReport:
    """An input or output; a dimension that the model leaves open is a text."""

    name: str
    dtype: str
    shape: tuple[Dim, ...]

    @classmethod
    def of(cls, value: Value) -> TensorReport:
        return cls(value.name, value.dtype.value, value.shape)


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One operation; what an open dimension leaves unknown is None.

    ``share`` is the layer's part of all multiply-accumulates, ``algorithm`` how the NumPy
    runtime computes a convolution.
    """

    name: str
    op: str
    kernel: str | None
    output_shape: tuple[Dim, ...]
    parameters: int
    parameter_bytes: int
    bits: int | None
    macs: int | None
    share: float | None
    activation_bytes: int | None
    algorithm: str | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers; ``peak_memory_bytes`` is of the activations that live at once."""

    layers: int
    parameters: int
    parameter_bytes: int
    macs: int | None
    activation_bytes: int | None
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class InspectionReport:
    """All about one model; ``unknown`` names the layers whose sizes are open."""

    path: str
    format: str
    inputs: tuple[TensorReport, ...]
    outputs: tuple[TensorReport, ...]
    layers: tuple[LayerReport, ...]
    totals: Totals
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        return to_json(self)


def inspect(
    model: str | Path,
    weights: str | Path | None = None,
    *,
    target: str | None = None,
    lite_version: str = "2.13",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    conv_algorithm: str | None = None,
    conv_policy: str = POLICIES[0],
) -> InspectionReport:
    """Describe a model.

    Args:
        model: An ONNX model or a .nb file.
        weights: The second file of formats that have two.
        target: ``arm`` or ``x86`` to see the graph as it would be written for it; by
            default the model is shown as it is in the file.
        lite_version: The Paddle Lite version that the kernels are chosen for.
        input_shapes: Shapes that take the place of those in the model, by input name.
        conv_algorithm: How the NumPy runtime is to compute convolutions, as for ``Session``.
        conv_policy: What decides otherwise, as for ``Session``.
    """
    loaded = load_model(model, weights, input_shapes=input_shapes)
    if target is not None:
        lower(loaded.graph, target, lite_version)
    settings = Settings(conv_algorithm=conv_algorithm, conv_policy=conv_policy)
    return describe(loaded.graph, str(loaded.files[0]), loaded.format.value, settings)


def describe(
    graph: Graph, path: str, format: str, settings: Settings = DEFAULTS
) -> InspectionReport:
    """Describe a graph that came from a file."""
    layers = _with_shares([_layer(node, settings) for node in graph.nodes])
    return InspectionReport(
        path=path,
        format=format,
        inputs=tuple(TensorReport.of(value) for value in graph.inputs),
        outputs=tuple(TensorReport.of(value) for value in graph.outputs),
        layers=layers,
        totals=_totals(graph, layers),
        unknown=tuple(layer.name for layer in layers if layer.activation_bytes is None),
    )


def _layer(node: Node, settings: Settings) -> LayerReport:
    return LayerReport(
        name=node.name,
        op=node.op.type,
        kernel=node.kernel,
        output_shape=node.output.shape,
        parameters=cost.parameters(node),
        parameter_bytes=cost.parameter_bytes(node),
        bits=cost.bits(node),
        macs=cost.macs(node),
        share=None,
        activation_bytes=cost.known_sum(cost.value_bytes(value) for value in node.outputs.flat()),
        algorithm=algorithm_of(node, settings),
    )


def _with_shares(layers: Sequence[LayerReport]) -> tuple[LayerReport, ...]:
    """The layers with their parts of the work, where all of it is known."""
    total = cost.known_sum(layer.macs for layer in layers)
    if not total:
        return tuple(layers)
    return tuple(
        dataclasses.replace(layer, share=layer.macs / total)
        for layer in layers
        if layer.macs is not None
    )


def _totals(graph: Graph, layers: Sequence[LayerReport]) -> Totals:
    constants = [value.data for value in graph.constants if value.data is not None]
    return Totals(
        layers=len(layers),
        parameters=sum(data.size for data in constants),
        parameter_bytes=sum(data.nbytes for data in constants),
        macs=cost.known_sum(layer.macs for layer in layers),
        activation_bytes=cost.known_sum(layer.activation_bytes for layer in layers),
        peak_memory_bytes=peak_memory_bytes(graph),
    )


def peak_memory_bytes(graph: Graph) -> int | None:
    """The most bytes of activations that are needed at once; None where a size is open.

    A value lives from the node that makes it to the last that reads it; inputs live from
    the start, outputs to the end. Of detections there are as many as are kept at most.
    """
    most = _most_detections(graph)
    last: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        for value in (*node.inputs.flat(), *node.outputs.flat()):
            if not value.is_constant:
                last[value] = position
    last.update(dict.fromkeys(graph.outputs, len(graph)))
    leaving: dict[int, list[Value]] = {}
    for value, position in last.items():
        leaving.setdefault(position, []).append(value)
    sizes = {value: _most_bytes(value, most) for value in (*last, *graph.inputs)}
    known = {value: size for value, size in sizes.items() if size is not None}
    if len(known) < len(sizes):
        return None
    current = peak = sum(known[value] for value in graph.inputs)
    for position, node in enumerate(graph.nodes):
        current += sum(known[value] for value in node.outputs.flat())
        peak = max(peak, current)
        current -= sum(known[value] for value in leaving.get(position, ()))
    return peak


def _most_detections(graph: Graph) -> dict[str, int]:
    """How large the dimensions can become that are numbers of boxes which suppression keeps."""
    most = {}
    for node in graph.nodes:
        if isinstance(node.op, MulticlassNms):
            batch, *candidates = node.input("Scores").shape
            each = product(candidates)
            if node.op.keep_top_k >= 0:
                limit = node.op.keep_top_k
                each = min(each, limit) if isinstance(each, int) else limit
            kept = product((batch, each))
            for value in node.outputs.flat():
                count = value.shape[0]
                if isinstance(kept, int) and isinstance(count, str):
                    most[count] = kept
    return most


def _most_bytes(value: Value, most: Mapping[str, int]) -> int | None:
    """The bytes of a value where its open dimensions are those; None where others are."""
    dims = (most.get(dim, dim) if isinstance(dim, str) else dim for dim in value.shape)
    type = value.type.with_shape(dims)
    return type.nbytes if type.is_static else None
