"""Reads arithmetic: powers, exponentials, sums and products of blobs, scales and biases."""

from __future__ import annotations

import functools
import math

import numpy as np

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations import elementwise as ops

CHAIN_LIMIT = 16
"""Whole powers up to this one are products."""

SIMPLE_POWERS: dict[float, Operation] = {
    -1.0: ops.Reciprocal(),
    -0.5: ops.Rsqrt(),
    0.5: ops.Sqrt(),
    2.0: ops.Square(),
}


# ---- one bottom


@caffe_layer("Power")
def power(layer: CaffeLayer) -> Value:
    """(shift + scale * x) ** power; not by pow, which takes positive numbers only."""
    param = layer.proto.power_param
    if param.power == 0:
        return layer.add(ops.Scale(scale=0.0, bias=1.0), X=layer.bottom())
    x = _affine(layer, layer.bottom(), param.scale, param.shift)
    if param.power == 1:
        return x
    if param.power in SIMPLE_POWERS:
        return layer.add(SIMPLE_POWERS[param.power], X=x)
    if 2 < param.power <= CHAIN_LIMIT and param.power == int(param.power):
        return _whole_power(layer, x, int(param.power))
    exponent = np.full((1,) * x.rank or (1,), param.power, np.float32)
    return layer.add(ops.ElementwisePow(), X=x, Y=layer.constant(exponent, "exponent"))


def _whole_power(layer: CaffeLayer, x: Value, exponent: int) -> Value:
    """X to a whole power by squaring."""
    if exponent == 1:
        return x
    squared = layer.add(ops.Square(), X=_whole_power(layer, x, exponent // 2))
    return layer.add(ops.ElementwiseMul(), X=squared, Y=x) if exponent % 2 else squared


@caffe_layer("Exp")
def exponential(layer: CaffeLayer) -> Value:
    """base ** (shift + scale * x), where base -1 stands for e"""
    param = layer.proto.exp_param
    rate = _log_of_base(layer, param.base)
    x = _affine(layer, layer.bottom(), param.scale * rate, param.shift * rate)
    return layer.add(ops.Exp(), X=x)


@caffe_layer("Log")
def logarithm(layer: CaffeLayer) -> Value:
    """log(shift + scale * x) to a base, where -1 stands for e"""
    param = layer.proto.log_param
    rate = _log_of_base(layer, param.base)
    x = layer.add(ops.Log(), X=_affine(layer, layer.bottom(), param.scale, param.shift))
    return _affine(layer, x, 1 / rate, 0)


def _log_of_base(layer: CaffeLayer, base: float) -> float:
    if base == -1:
        return 1.0
    if base <= 0 or base == 1:
        raise layer.unsupported(f"base {base}; it must be positive and not 1")
    return math.log(base)


def _affine(layer: CaffeLayer, x: Value, scale: float, shift: float) -> Value:
    return x if (scale, shift) == (1, 0) else layer.add(ops.Scale(scale=scale, bias=shift), X=x)


# ---- several bottoms


@caffe_layer("Eltwise")
def eltwise(layer: CaffeLayer) -> Value:
    param = layer.proto.eltwise_param
    values = list(layer.bottoms)
    if len(values) < 2 or any(value.shape != values[0].shape for value in values):
        shapes = ", ".join(str(value.type) for value in values)
        raise layer.unsupported(f"it needs two or more blobs of one shape, found {shapes}")
    if param.coeff and param.operation != caffe_pb2.EltwiseParameter.SUM:
        raise layer.unsupported("coefficients of anything but a sum")
    if param.coeff and len(param.coeff) != len(values):
        raise layer.unsupported(f"{len(param.coeff)} coefficients for {len(values)} bottoms")
    if param.operation == caffe_pb2.EltwiseParameter.SUM:
        factors = param.coeff or [1.0] * len(values)
        values = [_affine(layer, x, k, 0) for x, k in zip(values, factors, strict=True)]
    op: ops.ElementwiseBinary = {
        caffe_pb2.EltwiseParameter.PROD: ops.ElementwiseMul(),
        caffe_pb2.EltwiseParameter.SUM: ops.ElementwiseAdd(),
        caffe_pb2.EltwiseParameter.MAX: ops.ElementwiseMax(),
    }[param.operation]
    return functools.reduce(lambda x, y: layer.add(op, X=x, Y=y), values)


@caffe_layer("Axpy")
def axpy(layer: CaffeLayer) -> Value:
    """scale * x + y, with one scale for each channel"""
    scale, x, y = layer.bottom(0), layer.planes(1), layer.bottom(2)
    factors = layer.reshaped(scale, (*x.shape[:2], 1, 1))
    return layer.add(ops.ElementwiseAdd(), X=layer.add(ops.ElementwiseMul(), X=x, Y=factors), Y=y)


@caffe_layer("Scale")
def scale(layer: CaffeLayer) -> Value:
    """x times a blob whose first axis is ``axis`` of x, plus another one"""
    param, x = layer.proto.scale_param, layer.bottom()
    factor, behind = _parameter(layer, param.axis, param.num_axes, "scale")
    y = layer.add(ops.ElementwiseMul(), X=x, Y=factor)
    if not param.bias_term:
        return y
    index = 0 if len(layer.bottoms) > 1 else 1
    shape = _shape_of_parameter(layer, param.axis, param.num_axes)
    bias = layer.weight(index, shape)
    return layer.add(
        ops.ElementwiseAdd(), X=y, Y=layer.constant(bias.reshape(shape + behind or (1,)), "bias")
    )


@caffe_layer("Bias")
def bias(layer: CaffeLayer) -> Value:
    param = layer.proto.bias_param
    term, _ = _parameter(layer, param.axis, param.num_axes, "bias")
    return layer.add(ops.ElementwiseAdd(), X=layer.bottom(), Y=term)


def _parameter(
    layer: CaffeLayer, axis: int, num_axes: int, what: str
) -> tuple[Value, tuple[int, ...]]:
    """The second bottom, or else the first blob of weights, so that it broadcasts to x.

    Also returns the ones that stand behind its shape.
    """
    shape = _shape_of_parameter(layer, axis, num_axes)
    rank = layer.bottom().rank
    first = layer.axis(axis, rank) if shape else rank
    behind = (1,) * (rank - first - len(shape))
    if len(layer.bottoms) > 1:
        return layer.reshaped(layer.bottom(1), shape + behind or (1,)), behind
    return layer.constant(layer.weight(0, shape).reshape(shape + behind or (1,)), what), behind


def _shape_of_parameter(layer: CaffeLayer, axis: int, num_axes: int) -> tuple[int, ...]:
    x = layer.bottom()
    if len(layer.bottoms) > 1:
        return layer.sizes(layer.bottom(1))
    first = layer.axis(axis, x.rank)
    last = x.rank if num_axes == -1 else first + num_axes
    if not first <= last <= x.rank:
        raise layer.unsupported(f"{num_axes} axes from axis {axis} on are not in {x.type}")
    return layer.sizes(x)[first:last]
