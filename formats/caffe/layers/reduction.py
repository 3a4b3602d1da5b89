"""Reads Softmax, LogSoftmax, ArgMax and Reduction."""

from __future__ import annotations

import math

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.formats.element_types import converted
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import reduction as ops
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import Abs, ElementwiseSub, Exp, Log, Scale, Square


@caffe_layer("Softmax")
def softmax(layer: CaffeLayer) -> Value:
    x = layer.bottom()
    axis = layer.axis(layer.proto.softmax_param.axis, x.rank)
    return layer.add(ops.Softmax(axis=axis), X=x)


@caffe_layer("LogSoftmax")
def log_softmax(layer: CaffeLayer) -> Value:
    """x - max - log(sum(exp(x - max)))"""
    x = layer.bottom()
    axis = layer.axis(layer.proto.softmax_param.axis, x.rank)
    top = layer.add(ops.ReduceMax(dim=(axis,), keep_dim=True), X=x)
    below = layer.add(ElementwiseSub(), X=x, Y=top)
    total = layer.add(ops.ReduceSum(dim=(axis,), keep_dim=True), X=layer.add(Exp(), X=below))
    return layer.add(ElementwiseSub(), X=below, Y=layer.add(Log(), X=total))


# ---- the largest


@caffe_layer("ArgMax")
def arg_max(layer: CaffeLayer) -> Value:
    """Where the largest elements stand, as floats; along an axis, or of each whole image."""
    param, x = layer.proto.argmax_param, layer.bottom()
    if param.HasField("axis"):
        places, values = _largest(layer, x, layer.axis(param.axis, x.rank), param.top_k)
        return values if param.out_max_val else places
    sizes = layer.sizes(x)
    flat = layer.reshaped(x, (sizes[0], math.prod(sizes[1:])))
    places, values = _largest(layer, flat, 1, param.top_k)
    behind = (1,) * (max(x.rank, 3) - 3)
    places = layer.reshaped(places, (sizes[0], 1, param.top_k, *behind))
    if not param.out_max_val:
        return places
    values = layer.reshaped(values, (sizes[0], 1, param.top_k, *behind))
    return layer.add(Concat(axis=1), X=(places, values))


def _largest(layer: CaffeLayer, x: Value, axis: int, count: int) -> tuple[Value, Value]:
    """Where the largest elements along an axis stand, and the elements, both float32."""
    if count == 1:
        found = layer.add(ops.ArgMax(axis=axis, keepdims=True), X=x)
        places = converted(layer.builder, found, DType.FLOAT32)
        return places, layer.add(ops.ReduceMax(dim=(axis,), keep_dim=True), X=x)
    values, found = layer.add_all(ops.TopKV2(k=count, axis=axis), X=x)
    return converted(layer.builder, found, DType.FLOAT32), values


# ---- sums

REDUCTIONS = {
    caffe_pb2.ReductionParameter.SUM: (None, ops.ReduceSum),
    caffe_pb2.ReductionParameter.ASUM: (Abs(), ops.ReduceSum),
    caffe_pb2.ReductionParameter.SUMSQ: (Square(), ops.ReduceSum),
    caffe_pb2.ReductionParameter.MEAN: (None, ops.ReduceMean),
}


@caffe_layer("Reduction")
def reduction(layer: CaffeLayer) -> Value:
    """One number of all from an axis on; of the whole blob it is a vector of one."""
    param, x = layer.proto.reduction_param, layer.bottom()
    sizes, axis = layer.sizes(x), layer.axis(param.axis, x.rank)
    first, kind = REDUCTIONS[param.operation]
    if first is not None:
        x = layer.add(first, X=x)
    rows = layer.reshaped(x, (math.prod(sizes[:axis]), math.prod(sizes[axis:])))
    y = layer.reshaped(layer.add(kind(dim=(1,), keep_dim=True), X=rows), sizes[:axis] or (1,))
    return y if param.coeff == 1 else layer.add(Scale(scale=param.coeff), X=y)
