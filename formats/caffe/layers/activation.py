"""Reads activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.formats.element_types import converted
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations.comparison import GreaterThan
from opt_tool.ir.operations.elementwise import Abs, Clip


def _sloped(slope: float) -> Operation:
    return ops.Relu() if slope == 0 else ops.LeakyRelu(alpha=slope)


SIMPLE: Mapping[str, Callable[[CaffeLayer], Operation]] = {
    "AbsVal": lambda _: Abs(),
    "BNLL": lambda _: ops.Softplus(),
    "Clip": lambda layer: Clip(min=layer.proto.clip_param.min, max=layer.proto.clip_param.max),
    "ELU": lambda layer: ops.Elu(alpha=layer.proto.elu_param.alpha),
    "Mish": lambda _: ops.Mish(),
    "ReLU": lambda layer: _sloped(layer.proto.relu_param.negative_slope),
    "Sigmoid": lambda _: ops.Sigmoid(),
    "Swish": lambda layer: ops.Swish(beta=layer.proto.swish_param.beta),
    "TanH": lambda _: ops.Tanh(),
}
"""Layers that are one operation on each element."""


def _simple(layer: CaffeLayer) -> Value:
    return layer.add(SIMPLE[layer.type](layer), X=layer.bottom())


for _name in SIMPLE:
    caffe_layer(_name)(_simple)


@caffe_layer("ReLU6")
def relu6(layer: CaffeLayer) -> Value:
    if layer.proto.relu6_param.negative_slope != 0:
        raise layer.unsupported("a negative_slope that is not 0")
    return layer.add(ops.Relu6(), X=layer.bottom())


@caffe_layer("PReLU")
def prelu(layer: CaffeLayer) -> Value:
    x = layer.bottom()
    if x.rank < 2:
        raise layer.unsupported(f"a bottom {x.type} without channels")
    shared = layer.proto.prelu_param.channel_shared
    count = 1 if shared else layer.sizes(x)[1]
    slope = layer.weight_value(0, (count,), "slope")
    return layer.add(ops.PRelu(mode="all" if shared else "channel"), X=x, Alpha=slope)


@caffe_layer("Threshold")
def threshold(layer: CaffeLayer) -> Value:
    """1 where x is larger than the threshold, else 0."""
    x = layer.bottom()
    limit = np.full((1,) * x.rank, layer.proto.threshold_param.threshold, np.float32)
    larger = compare(layer.builder, GreaterThan(), x, layer.constant(limit, "threshold"))
    return converted(layer.builder, larger, DType.FLOAT32)
