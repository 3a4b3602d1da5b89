"""Reads layers that compute nothing when a network is deployed."""

from __future__ import annotations

from collections.abc import Sequence

from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Value
from opt_tool.ir.operations.elementwise import Scale


@caffe_layer("Split")
def split(layer: CaffeLayer) -> Sequence[Value]:
    return (layer.bottom(),) * len(layer.tops)


@caffe_layer("Dropout")
def dropout(layer: CaffeLayer) -> Value:
    """The bottom itself, but for forks that scale at testing."""
    param = layer.proto.dropout_param
    if param.scale_train:
        return layer.bottom()
    return layer.add(Scale(scale=1 - param.dropout_ratio), X=layer.bottom())


@caffe_layer("Parameter")
def parameter(layer: CaffeLayer) -> Value:
    return layer.weight_value(0, tuple(layer.proto.parameter_param.shape.dim), "weight")
