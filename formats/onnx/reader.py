"""Reads an ONNX model into the graph.

Each node is handed to the importer of its operator and version. Nodes that cannot be
read are collected, so that the user sees them all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.errors import (
    DamagedFileError,
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOperatorError,
    UsageError,
)
from opt_tool.formats.graph_inputs import add_input
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.file import load_model
from opt_tool.formats.onnx.float_form import float_form
from opt_tool.formats.onnx.functions import (
    expand_model_function,
    expand_standard_function,
    model_function,
    opsets_of,
)
from opt_tool.formats.onnx.messages import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorShapeProto,
    ValueInfoProto,
)
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.older_opsets import upgraded
from opt_tool.formats.onnx.outline import needed_nodes
from opt_tool.formats.onnx.place import TOP, Place
from opt_tool.formats.onnx.refusals import ON_SEQUENCES, refusal_of, refusal_of_sequence
from opt_tool.formats.onnx.registry import importer_for
from opt_tool.formats.onnx.soundness import check_names
from opt_tool.formats.onnx.tensors import TensorReader, dtype_of
from opt_tool.ir import Dim, Graph, Shape, ShapeError, Source, TensorType, Value
from opt_tool.ir.operations.data_movement import Assign
from opt_tool.runtime.fold import FoldingBuilder

__all__ = ["GraphReader", "read"]

NOTHING: Mapping[str, np.ndarray] = {}


def read(
    path: Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] = (),
    input_values: Mapping[str, np.ndarray] | None = None,
    external_data: Path | None = None,
) -> Graph:
    """Read an ONNX file.

    Args:
        path: The model; external data are looked for beside it.
        input_shapes: Shapes that take the place of those in the file, by input name.
        outputs: Names of the tensors to compute instead of the model's outputs.
        input_values: Inputs that become constants, by input name.
        external_data: A folder besides the model's that its external data may lie in.

    Raises:
        DamagedFileError: when the file is not a whole ONNX model.
        UnsupportedModelError: naming every node that cannot be converted.
        UsageError: when a name that is given is not in the model.
    """
    reader = GraphReader(load_model(path), path, external_data)
    return reader.read(
        {} if input_shapes is None else input_shapes,
        outputs,
        {} if input_values is None else input_values,
    )


class GraphReader:
    """The state of reading one model."""

    def __init__(self, model: ModelProto, path: Path, external_data: Path | None = None) -> None:
        self.tensors = TensorReader(DataFolders.of(path, external_data))
        self.model = model = float_form(upgraded(model, path), self.tensors)
        self.path = path
        self.opsets = opsets_of(model.opset_import)
        self.functions = {(body.domain, body.name): body for body in model.functions}
        self.calls: list[tuple[str, str]] = []
        self.builder = FoldingBuilder(model.graph.name or path.stem)
        self.problems: list[UnsupportedOperatorError] = []
        self.sequences: dict[Value, tuple[Value, ...]] = {}
        self._named: set[int] = set()
        self._unread: dict[str, tuple[str, str]] = {}

    def read(
        self,
        input_shapes: Mapping[str, Sequence[int]],
        outputs: Sequence[str],
        input_values: Mapping[str, np.ndarray] = NOTHING,
    ) -> Graph:
        """The graph of the model; see the function ``read``."""
        proto = self.model.graph
        check_names(proto, self.path)
        scope: dict[str, Value] = {}
        self.add_initializers(proto, scope)
        self._add_inputs(proto, scope, input_shapes, input_values)
        wanted = tuple(outputs) or tuple(output.name for output in proto.output)
        known = {name for node in proto.node for name in node.output} | set(scope)
        for name in wanted:
            if name not in known:
                raise UsageError(f"{self.path}: no tensor is called {name!r}")
        self.read_nodes(needed_nodes(proto.node, wanted), scope)
        self._note_lost([name for name in wanted if name not in scope])
        if self.problems:
            raise UnsupportedModelError(tuple(self.problems))
        self._add_outputs(wanted, scope)
        self.builder.graph.remove_unused()
        return self.builder.graph

    def add_initializers(self, proto: GraphProto, scope: dict[str, Value]) -> None:
        """Put the weights of a graph into its scope."""
        for tensor in proto.initializer:
            array = self.tensors.array(tensor)
            scope[tensor.name] = self.builder.constant(array, tensor.name)
        if proto.sparse_initializer:
            raise UnsupportedError(f"{self.path}: sparse weights are not supported")

    def _add_inputs(
        self,
        proto: GraphProto,
        scope: dict[str, Value],
        input_shapes: Mapping[str, Sequence[int]],
        input_values: Mapping[str, np.ndarray],
    ) -> None:
        inputs = [info for info in proto.input if info.name not in scope]
        unknown = sorted({*input_shapes, *input_values} - {info.name for info in inputs})
        if unknown:
            names = ", ".join(repr(info.name) for info in inputs)
            raise UsageError(f"{self.path}: no input is called {unknown[0]!r}; there are {names}")
        for info in inputs:
            if info.name in input_values:
                array = self._input_value(info, input_values[info.name])
                scope[info.name] = self.builder.constant(array, info.name)
            else:
                type = self._input_type(info, input_shapes.get(info.name))
                scope[info.name] = add_input(self.builder.graph, self.path, info.name, type)

    def _input_value(self, info: ValueInfoProto, value: np.ndarray) -> np.ndarray:
        """What stands for an input from now on; one number may stand for a scalar."""
        tensor = info.type.tensor_type
        scalar = tensor.HasField("shape") and not tensor.shape.dim and value.size == 1
        array = value.reshape(()) if scalar else value
        return array.astype(self._input_type(info, array.shape).dtype.numpy, copy=False)

    def _input_type(self, info: ValueInfoProto, given: Sequence[int] | None) -> TensorType:
        if not info.type.HasField("tensor_type"):
            raise UnsupportedError(f"{self.path}: input {info.name!r} is not a tensor")
        tensor = info.type.tensor_type
        try:
            dtype = dtype_of(tensor.elem_type)
        except UnsupportedError as error:
            raise UnsupportedError(f"{self.path}: input {info.name!r}: {error}") from error
        if not tensor.HasField("shape") and given is None:
            raise UnsupportedError(
                f"{self.path}: input {info.name!r} has no shape; give one with "
                f"--input-shape {info.name}=..."
            )
        shape: Shape = tuple(
            self._dim(dim, f"{info.name}.{axis}") for axis, dim in enumerate(tensor.shape.dim)
        )
        if given is None:
            return TensorType(dtype, shape)
        return TensorType(dtype, self._checked_shape(info, shape, tuple(given)))

    def _dim(self, dim: TensorShapeProto.Dimension, symbol: str) -> Dim:
        if dim.HasField("dim_value") and dim.dim_value >= 0:
            return dim.dim_value
        return dim.dim_param if dim.dim_param.isidentifier() else symbol

    def _checked_shape(self, info: ValueInfoProto, shape: Shape, given: tuple[int, ...]) -> Shape:
        if info.type.tensor_type.HasField("shape") and len(shape) != len(given):
            raise UsageError(
                f"{self.path}: input {info.name!r} has {len(shape)} dimensions "
                f"{list(shape)}, --input-shape gives {len(given)}"
            )
        return given

    def read_nodes(
        self, nodes: Iterable[NodeProto], scope: dict[str, Value], place: Place = TOP
    ) -> None:
        """Read nodes in order, putting what they make into ``scope``."""
        outside = self.builder.sources
        for index, proto in enumerate(nodes):
            if self._has_operands(proto, scope):
                self._read_node(proto, index, scope, place)
            maker = (proto.op_type, proto.name or proto.op_type)
            self._unread.update((name, maker) for name in proto.output if name not in scope)
        self.builder.sources = outside

    def _has_operands(self, proto: NodeProto, scope: Mapping[str, Value]) -> bool:
        """Whether all that a node reads was made; what could not be read before is missing."""
        missing = [name for name in proto.input if name and name not in scope]
        for name in missing:
            if name not in self._unread:
                raise DamagedFileError(
                    self.path,
                    f"{proto.op_type} (node {proto.name!r}) reads {name!r}, which nothing before "
                    "it makes; export it again",
                )
        self._note_lost(missing)
        return not missing

    def _note_lost(self, names: Sequence[str]) -> None:
        """Refuse the maker of what is missing where no other problem explains it."""
        if names and not self.problems:
            fact = f"its output {names[0]!r} is not supported"
            self.problems.append(UnsupportedOperatorError(*self._unread[names[0]], fact))

    def _read_node(
        self, proto: NodeProto, index: int, scope: dict[str, Value], place: Place
    ) -> None:
        first = next((name for name in proto.output if name), f"{proto.op_type}_{index}")
        name = place.prefix + (proto.name or first)
        inputs = [scope[name] if name else None for name in proto.input]
        node = OnnxNode(self, proto, name, inputs, scope)
        source = Source(proto.op_type, name) if place.source is None else place.source
        self.builder.sources = (source,)
        try:
            made = self._import(node)
        except UnsupportedOperatorError as error:
            self.problems.append(error)
            return
        except (ShapeError, UnsupportedError) as error:
            self.problems.append(UnsupportedOperatorError(proto.op_type, name, str(error)))
            return
        for output, value in zip(proto.output, made, strict=False):
            if output and value is not None:
                named = output not in place.results
                scope[output] = self._labelled(value, place.prefix + output) if named else value

    def _import(self, node: OnnxNode) -> Sequence[Value | None]:
        if node.operator not in ON_SEQUENCES and not self.sequences.keys().isdisjoint(node.inputs):
            raise node.unsupported(refusal_of_sequence(self._computed(node)))
        body = model_function(node)
        if body is not None:
            return expand_model_function(node, body)
        importer = importer_for(node.domain, node.operator, self.opsets)
        if importer is not None:
            made = importer(node)
            return (made,) if isinstance(made, Value) else made
        reason = refusal_of(node.domain, node.operator, self._computed(node))
        if reason is not None:
            raise node.unsupported(reason)
        from opt_tool.formats.onnx.standard_functions import standard_function

        body = standard_function(node)
        if body is not None:
            return expand_standard_function(node, body)
        shown = f"{node.domain}.{node.operator}" if node.domain else node.operator
        raise node.unsupported(
            f"operator {shown} of opset {node.opset} is not supported; "
            "`opt list-ops --supported` prints what is"
        )

    def _computed(self, node: OnnxNode) -> list[str]:
        """The names of a node's operands that the model itself computes at run time."""
        if self.calls:
            return []  # a function's names mean nothing outside of it
        names = {name for proto in self.model.graph.node for name in proto.output if name}
        return [
            name
            for name in dict.fromkeys(node.proto.input)
            if name in names and not node.scope[name].is_constant
        ]

    def _labelled(self, value: Value, name: str) -> Value:
        """Give a value that a node just made the name it has in the model."""
        if id(value) not in self._named and not self.builder.graph.is_input(value):
            self._named.add(id(value))
            if name not in self.builder.graph.values:
                self.builder.graph.rename(value, name)
        return value

    def _add_outputs(self, wanted: Sequence[str], scope: Mapping[str, Value]) -> None:
        """Make the outputs, each a value of its own that a node makes under its name."""
        graph = self.builder.graph
        for name in wanted:
            value = scope[name]
            if value in self.sequences:
                raise UnsupportedError(
                    f"{self.path}: output {name!r} is a sequence of tensors; choose the tensors "
                    "with --output"
                )
            if value.producer is None or graph.is_output(value):
                self.builder.sources = ()
                if name in graph.values and not graph.is_input(graph.values[name]):
                    graph.rename(graph.values[name], graph.unique_name(f"{name}.source"))
                node = graph.add(Assign(), {"X": value}, name=name, outputs=(name,))
                value = node.output
            elif value.name != name and name not in graph.values:
                graph.rename(value, name)
            graph.outputs.append(value)
