"""ONNX models in float64: the same nodes on wider numbers.

All that is float32 becomes float64: inputs, weights, the tensors in attributes, and the types
that attributes name. Types that were noted of tensors inside of the model go. Numbers that are
attributes are no tensors and stay; they hold what float32 holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from onnx import helper, numpy_helper

from opt_tool.formats.onnx.messages import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
)
from opt_tool.formats.onnx.outline import graphs_of
from opt_tool.formats.onnx.tensors import TensorReader

TYPE_ATTRIBUTES = frozenset(("dtype", "output_datatype", "to"))
"""Attributes that name the type of a result."""

CONSTANT_FLOATS = {"value_float": (), "value_floats": (-1,)}
"""Constant's attributes that hold float32 numbers, and the shape of what it makes of them."""


def with_wide_floats(model: ModelProto, tensors: TensorReader) -> ModelProto:
    """A copy of a model that computes in float64 and holds all of its weights itself."""
    wide = ModelProto()
    wide.CopyFrom(model)
    _widen_graph(wide.graph, tensors)
    for function in wide.functions:
        _widen_nodes(function.node, tensors)
    return wide


def _widen_graph(graph: GraphProto, tensors: TensorReader) -> None:
    for tensor in graph.initializer:
        _widen_tensor(tensor, tensors)
    for info in graph.input:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for info in graph.output:
        info.ClearField("type")
    del graph.value_info[:]
    _widen_nodes(graph.node, tensors)


def _widen_nodes(nodes: Iterable[NodeProto], tensors: TensorReader) -> None:
    for node in nodes:
        if node.op_type == "ConstantOfShape" and not node.attribute:
            zero = numpy_helper.from_array(np.zeros(1, np.float64))
            node.attribute.append(helper.make_attribute("value", zero))
        for attribute in node.attribute:
            _widen_attribute(node, attribute, tensors)


def _widen_attribute(node: NodeProto, attribute: AttributeProto, tensors: TensorReader) -> None:
    for tensor in _tensors(attribute):
        _widen_tensor(tensor, tensors)
    for graph in graphs_of(attribute):
        _widen_graph(graph, tensors)
    if attribute.name in TYPE_ATTRIBUTES and attribute.i == TensorProto.FLOAT:
        attribute.i = TensorProto.DOUBLE
    if node.op_type == "Constant" and attribute.name in CONSTANT_FLOATS:
        numbers = np.array([attribute.f, *attribute.floats][-len(attribute.floats) or 0 :])
        shaped = numbers.reshape(CONSTANT_FLOATS[attribute.name])
        attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(shaped)))


def _tensors(attribute: AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors


def _widen_tensor(tensor: TensorProto, tensors: TensorReader) -> None:
    wider = tensor.data_type == TensorProto.FLOAT
    if wider or tensor.external_data:
        array = tensors.stored(tensor)
        array = array.astype(np.float64) if wider else array
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
