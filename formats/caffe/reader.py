"""Reads a Caffe model into the graph.

Each layer is handed to the importer of its type. Layers that cannot be read are collected,
so that the user sees them all at once. A layer may write its top over its bottom: a name
then stands for another value from there on, and the graph's values keep the last one's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from opt_tool.errors import (
    DamagedFileError,
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOperatorError,
    UsageError,
)
from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.file import Network, load_network, load_weights
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import (
    IMPORTERS,
    INPUT,
    INPUT_TYPES,
    REFUSALS,
    TRAINING_TYPES,
    is_read,
)
from opt_tool.formats.caffe.weights import Shape, Weights, fits
from opt_tool.formats.graph_inputs import add_input
from opt_tool.ir import DType, Graph, ShapeError, Source, TensorType, Value
from opt_tool.ir.operations.data_movement import Assign
from opt_tool.runtime.fold import FoldingBuilder

__all__ = ["NetworkReader", "outline", "read"]


def read(
    prototxt: Path,
    caffemodel: Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] = (),
) -> Graph:
    """Read a network and its weights.

    Args:
        prototxt: The network.
        caffemodel: The weights.
        input_shapes: Shapes that take the place of those in the network, by input name.
        outputs: Names of the blobs to compute instead of the network's outputs.

    Raises:
        DamagedFileError: when a file is damaged, or they do not belong together.
        UnsupportedModelError: naming every layer that cannot be converted.
        UsageError: when a name in ``input_shapes`` or ``outputs`` is not in the network.
    """
    network = load_network(prototxt, is_read)
    reader = NetworkReader(network, load_weights(caffemodel), prototxt)
    return reader.read({} if input_shapes is None else input_shapes, outputs)


def outline(prototxt: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """The layers of a network that are there for testing: type, name and tops."""
    network = load_network(prototxt, is_read)
    return [(proto.type, proto.name, tuple(proto.top)) for proto in network.layers]


class NetworkReader:
    """The state of reading one network."""

    def __init__(self, network: Network, weights: Weights, path: Path) -> None:
        self.network = network
        self.weights = weights
        self.path = path
        self.builder = FoldingBuilder(network.name)
        self.problems: list[UnsupportedOperatorError] = []
        self._shared = _shared_blobs(network.layers, weights)
        self._scope: dict[str, Value] = {}
        self._unread: set[str] = set()
        self._named: set[int] = set()

    def read(self, input_shapes: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> Graph:
        wanted = tuple(outputs) or output_names(self.network)
        needed = needed_layers(self.network, wanted)
        read = {*wanted, *(name for proto in needed for name in proto.bottom)}
        self._check_tops()
        self._check_names(wanted, input_shapes)
        for name, shape in self.network.inputs.items():
            self._add_input(name, shape, input_shapes)
        for proto in needed:
            if proto.type in INPUT_TYPES:
                self._read_input_layer(proto, read, input_shapes)
            else:
                self._read_layer(proto)
        if self.problems:
            raise UnsupportedModelError(tuple(self.problems))
        self._add_outputs(wanted)
        graph = self.builder.graph
        graph.remove_unused()
        for value in tuple(graph.inputs):
            if not value.users and not graph.is_output(value):
                graph.inputs.remove(value)
                del graph.values[value.name]
        return graph

    def weight(self, proto: caffe_pb2.LayerParameter, index: int, shape: Shape) -> np.ndarray:
        """A blob of weights in the shape that the network says; see ``CaffeLayer.weight``."""
        layer, position = proto.name, index
        if index < len(proto.param) and proto.param[index].name in self._shared:
            layer, position = self._shared[proto.param[index].name]
        found, numbers = self.weights.blob(layer, position)
        if not fits(found, shape):
            raise DamagedFileError(
                self.weights.path,
                f"blob {index} of layer {proto.name!r} ({proto.type}) has the shape "
                f"{list(found)}, the prototxt makes it {list(shape)}; the weights are those of "
                "another network",
            )
        return numbers.reshape(shape)

    def _check_tops(self) -> None:
        for proto in self.network.layers:
            if not proto.top and proto.type in IMPORTERS:
                raise DamagedFileError(
                    self.path, f"layer {proto.name!r} ({proto.type}) has no top to write to"
                )

    # ---- inputs

    def _check_names(
        self, wanted: Sequence[str], input_shapes: Mapping[str, Sequence[int]]
    ) -> None:
        made = {top for proto in self.network.layers for top in proto.top}
        for name in wanted:
            if name not in made and name not in self.network.inputs:
                raise UsageError(f"{self.path}: no blob is called {name!r}")
        inputs = set(self.network.inputs)
        for proto in self.network.layers:
            if proto.type in INPUT_TYPES:
                inputs.update(proto.top)
        for name in input_shapes:
            if name not in inputs:
                names = ", ".join(repr(known) for known in sorted(inputs))
                raise UsageError(f"{self.path}: no input is called {name!r}; there are {names}")

    def _read_input_layer(
        self,
        proto: caffe_pb2.LayerParameter,
        read: Set[str],
        input_shapes: Mapping[str, Sequence[int]],
    ) -> None:
        """Make inputs of those tops that something reads."""
        shapes = _declared_shapes(proto)
        for index, top in enumerate(proto.top):
            if top not in read:
                continue
            declared = shapes[min(index, len(shapes) - 1)] if shapes else None
            if declared is None and top not in input_shapes:
                fact = "it has no shape" if proto.type == INPUT else "it reads a data set"
                self.problems.append(
                    UnsupportedOperatorError(
                        proto.type,
                        proto.name,
                        f"{fact}; make it an input with --input-shape {top}=...",
                    )
                )
                self._unread.update(proto.top)
                return
            self._add_input(top, declared, input_shapes)

    def _add_input(
        self, name: str, declared: Shape | None, input_shapes: Mapping[str, Sequence[int]]
    ) -> None:
        shape = tuple(input_shapes.get(name, () if declared is None else declared))
        if declared is not None and len(shape) != len(declared):
            raise UsageError(
                f"{self.path}: input {name!r} has {len(declared)} dimensions {list(declared)}, "
                f"--input-shape gives {len(shape)}"
            )
        if not shape or min(shape) < 1:
            raise DamagedFileError(
                self.path,
                f"input {name!r} has the shape {list(shape)}; --input-shape {name}=... gives "
                "another one",
            )
        if name in self._scope:
            raise DamagedFileError(self.path, f"two inputs are called {name!r}")
        self._scope[name] = add_input(
            self.builder.graph, self.path, name, TensorType(DType.FLOAT32, shape)
        )

    # ---- layers

    def _read_layer(self, proto: caffe_pb2.LayerParameter) -> None:
        problem = _type_problem(proto.type)
        missing = [name for name in proto.bottom if name not in self._scope]
        unknown = [name for name in missing if name not in self._unread]
        if unknown and problem is None:
            raise DamagedFileError(
                self.path,
                f"layer {proto.name!r} ({proto.type}) reads the blob {unknown[0]!r}, which no "
                "layer before it makes",
            )
        made: Sequence[Value] = ()
        if problem is not None:
            self.problems.append(UnsupportedOperatorError(proto.type, proto.name, problem))
        elif not missing:
            made = self._import(proto)
        if not made:
            self._unread.update(proto.top)
        for top, value in zip(proto.top, made, strict=False):
            self._unread.discard(top)
            self._set(top, value, proto.name)

    def _import(self, proto: caffe_pb2.LayerParameter) -> Sequence[Value]:
        layer = CaffeLayer(self, proto, [self._scope[name] for name in proto.bottom])
        self.builder.sources = (Source(proto.type, proto.name),)
        try:
            made = IMPORTERS[proto.type](layer)
        except UnsupportedOperatorError as error:
            self.problems.append(error)
            return ()
        except (ShapeError, UnsupportedError) as error:
            self.problems.append(UnsupportedOperatorError(proto.type, proto.name, str(error)))
            return ()
        return (made,) if isinstance(made, Value) else made

    def _set(self, name: str, value: Value, layer: str) -> None:
        """Let a name stand for a value, which takes it over where it has none of its own."""
        graph = self.builder.graph
        self._scope[name] = value
        if id(value) in self._named or graph.is_input(value):
            return
        self._named.add(id(value))
        if name in graph.values and not graph.is_input(graph.values[name]):
            graph.rename(graph.values[name], graph.unique_name(f"{name}.before.{layer}"))
        if name not in graph.values:
            graph.rename(value, name)

    def _add_outputs(self, wanted: Sequence[str]) -> None:
        """Make the outputs, each a value of its own that a node makes under its name."""
        graph = self.builder.graph
        for name in wanted:
            value = self._scope[name]
            if value.producer is None or graph.is_output(value):
                self.builder.sources = ()
                if name in graph.values and not graph.is_input(graph.values[name]):
                    graph.rename(graph.values[name], graph.unique_name(f"{name}.source"))
                value = graph.add(Assign(), {"X": value}, name=name, outputs=(name,)).output
            elif value.name != name and name not in graph.values:
                graph.rename(value, name)
            graph.outputs.append(value)


def _type_problem(kind: str) -> str | None:
    """Why layers of a type are not read, else None."""
    if kind in IMPORTERS:
        return None
    return REFUSALS.get(
        kind,
        f"layers of type {kind!r} are not supported; `opt list-ops --supported` prints what is",
    )


def _declared_shapes(proto: caffe_pb2.LayerParameter) -> list[Shape]:
    """The shapes that an input layer gives its tops: none, one for all, or one for each."""
    if proto.type == INPUT:
        return [tuple(shape.dim) for shape in proto.input_param.shape]
    if proto.type == "MemoryData" and proto.HasField("memory_data_param"):
        data = proto.memory_data_param
        images = (data.batch_size, data.channels, data.height, data.width)
        return [images, (data.batch_size,)]
    return []


def _shared_blobs(
    protos: Sequence[caffe_pb2.LayerParameter], weights: Weights
) -> dict[str, tuple[str, int]]:
    """Where the blobs lie that layers share by name: with the last layer that has them."""
    shared = {}
    for proto in protos:
        for index, param in enumerate(proto.param):
            if param.name and index < weights.count(proto.name):
                shared[param.name] = (proto.name, index)
    return shared


def output_names(network: Network) -> tuple[str, ...]:
    """The blobs that no layer reads, in order; what training layers read does not count."""
    unread = dict.fromkeys(network.inputs)
    for proto in network.layers:
        if proto.type in TRAINING_TYPES:
            continue
        for bottom in proto.bottom:
            unread.pop(bottom, None)
        for top in proto.top:
            unread.pop(top, None)
            unread[top] = None
    computed = {
        top for proto in network.layers for top in proto.top if proto.type not in INPUT_TYPES
    }
    return tuple(name for name in unread if name in computed)


def needed_layers(network: Network, outputs: Sequence[str]) -> list[caffe_pb2.LayerParameter]:
    """The layers that the outputs depend on, in order."""
    needed = set(outputs)
    found = []
    for proto in reversed(network.layers):
        if proto.type in TRAINING_TYPES or not needed.intersection(proto.top):
            continue
        found.append(proto)
        needed.difference_update(proto.top)
        needed.update(proto.bottom)
    return found[::-1]
