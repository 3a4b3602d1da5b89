"""Runs an ONNX model in onnxruntime part by part, one part's weights in memory at a time.

A session keeps all weights of its model in memory once it has run. So a model that is larger
than that becomes a chain of models, each with a session that lives while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from opt_tool.formats.onnx.outline import names_read, needed_nodes

PART_BYTES = 256 * 1024 * 1024
"""The weights of a part are at most so large, if they are of more than one node."""


class Port(NamedTuple):
    """An input or output as onnxruntime's sessions describe it."""

    name: str
    type: str
    shape: Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Part:
    """Nodes that follow each other, and the names that they take and hand over."""

    nodes: tuple[onnx.NodeProto, ...]
    weights: tuple[onnx.TensorProto, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class PartedSession:
    """What of an onnxruntime session is needed to compare a file with its model.

    Args:
        model: The model, its large weights external data.
        options: Those of the parts' sessions; they name the folder of the external data.
    """

    def __init__(self, model: onnx.ModelProto, options: onnxruntime.SessionOptions) -> None:
        self._model = model
        self._options = options
        self.parts = tuple(_parts(model.graph))

    def get_inputs(self) -> list[Port]:
        """The inputs that are no weights."""
        weights = {tensor.name for tensor in self._model.graph.initializer}
        return [_port(info) for info in self._model.graph.input if info.name not in weights]

    def get_outputs(self) -> list[Port]:
        """The outputs, those that were added too; nothing is known of their types."""
        return [Port(info.name, "", ()) for info in self._model.graph.output]

    def run(self, wanted: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Compute outputs; raises what onnxruntime raises."""
        made = dict(feeds)
        for number, part in enumerate(self.parts):
            session = onnxruntime.InferenceSession(
                self._message(part, made), self._options, providers=["CPUExecutionProvider"]
            )
            fed = {name: made[name] for name in part.inputs}
            made.update(zip(part.outputs, session.run(part.outputs, fed), strict=True))
            later = {name for following in self.parts[number + 1 :] for name in following.inputs}
            made = {name: made[name] for name in made if name in later or name in wanted}
        return [made[name] for name in wanted]

    def _message(self, part: Part, made: Mapping[str, np.ndarray]) -> bytes:
        """The model of one part, whose inputs are of the types of what was made before it."""
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(made[name].dtype), None
            )
            for name in part.inputs
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in part.outputs]
        graph = helper.make_graph(part.nodes, "part", inputs, outputs, part.weights)
        model = helper.make_model(
            graph,
            opset_imports=self._model.opset_import,
            functions=self._model.functions,
            ir_version=self._model.ir_version,
        )
        data: bytes = model.SerializeToString()
        return data


def weight_bytes(tensor: onnx.TensorProto) -> int:
    """The bytes of a weight, wherever its data lie."""
    lengths = [int(entry.value) for entry in tensor.external_data if entry.key == "length"]
    return sum(lengths, tensor.ByteSize())


def _parts(graph: onnx.GraphProto) -> Iterator[Part]:
    """The nodes that the outputs need, cut where a part's weights get too large."""
    outputs = [info.name for info in graph.output]
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = needed_nodes(graph.node, outputs)
    known = {info.name for info in graph.input} | {name for node in nodes for name in node.output}
    runs: list[list[onnx.NodeProto]] = [[]]
    size = 0
    for node in nodes:
        own = sum(weight_bytes(weights[name]) for name in names_read(node) if name in weights)
        if runs[-1] and size + own > PART_BYTES:
            runs.append([])
            size = 0
        runs[-1].append(node)
        size += own
    for number, run in enumerate(runs):
        read = dict.fromkeys(name for node in run for name in names_read(node))
        made = dict.fromkeys(name for node in run for name in node.output if name)
        later = {name for rest in runs[number + 1 :] for node in rest for name in names_read(node)}
        yield Part(
            tuple(run),
            tuple(weights[name] for name in read if name in weights),
            tuple(name for name in read if name in known.difference(weights, made)),
            tuple(name for name in made if name in later or name in outputs),
        )


def _port(info: onnx.ValueInfoProto) -> Port:
    tensor = info.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    shape = tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim
    )
    return Port(info.name, f"tensor({dtype.name})", shape)
