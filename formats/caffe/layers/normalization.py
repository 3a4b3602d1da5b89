"""Reads BatchNorm, LRN, MVN and Normalize."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Value
from opt_tool.ir.operations import elementwise as ops
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceMean, ReduceSum


@caffe_layer("BatchNorm")
def batch_norm(layer: CaffeLayer) -> Value:
    """(x - mean) / sqrt(variance + eps); the file has sums, and the factor to divide them by."""
    param, x = layer.proto.batch_norm_param, layer.bottom()
    if param.HasField("use_global_stats") and not param.use_global_stats:
        raise layer.unsupported(
            "use_global_stats: false takes the statistics of the batch; set it to true"
        )
    if x.rank < 2:
        raise layer.unsupported(f"a bottom {x.type} without channels")
    channels = layer.sizes(x)[1]
    factor = float(layer.weight(2, (1,))[0])
    rate = np.float32(0 if factor == 0 else 1 / factor)
    mean, variance = (layer.weight(index, (channels,)) * rate for index in (0, 1))
    scale, bias = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if param.scale_bias:
        scale, bias = (layer.weight(index, (channels,)) for index in (3, 4))
    return layer.add(
        BatchNorm(epsilon=param.eps),
        X=x,
        Scale=layer.constant(scale, "scale"),
        Bias=layer.constant(bias, "bias"),
        Mean=layer.constant(mean, "mean"),
        Variance=layer.constant(variance, "variance"),
    )


# ---- LRN


@caffe_layer("LRN")
def lrn(layer: CaffeLayer) -> Value:
    """x / (k + alpha * mean of squares around x) ** beta"""
    param, x = layer.proto.lrn_param, layer.planes()
    if param.local_size % 2 == 0:
        raise layer.unsupported(f"local_size {param.local_size}; Caffe takes odd ones only")
    squares = layer.add(ops.Square(), X=x)
    if param.norm_region == caffe_pb2.LRNParameter.WITHIN_CHANNEL:
        sums = _around_in_plane(layer, param, squares)
    else:
        sums = _around_in_channels(layer, param, squares)
    factor = layer.add(ops.Pow(factor=-param.beta), X=sums)
    return layer.add(ops.ElementwiseMul(), X=x, Y=factor)


def _around_in_channels(layer: CaffeLayer, param: caffe_pb2.LRNParameter, squares: Value) -> Value:
    """k + alpha / size * the sum over channels around each, as a convolution by a band."""
    channels = layer.sizes(squares)[1]
    distance = np.arange(channels) - np.arange(channels)[:, np.newaxis]
    share = np.float32(param.alpha / param.local_size)
    band = (np.abs(distance) <= param.local_size // 2) * share
    weight = layer.constant(band[:, :, np.newaxis, np.newaxis].astype(np.float32), "band")
    bias = layer.constant(np.full(channels, param.k, np.float32), "bias")
    return layer.add(Conv2D(), Input=squares, Filter=weight, Bias=bias)


def _around_in_plane(layer: CaffeLayer, param: caffe_pb2.LRNParameter, squares: Value) -> Value:
    """1 + alpha * the mean over the square around each element; Caffe has no k here."""
    size, pad = param.local_size, param.local_size // 2
    pool = Pool2D(
        pooling_type="avg", ksize=(size, size), paddings=(pad, pad, pad, pad), exclusive=False
    )
    return layer.add(ops.Scale(scale=param.alpha, bias=1.0), X=layer.add(pool, X=squares))


# ---- normalization by the blob's own numbers


@caffe_layer("MVN")
def mean_variance_normalization(layer: CaffeLayer) -> Value:
    """(x - mean) / (deviation + eps) over each plane, or over all planes of an image."""
    param, x = layer.proto.mvn_param, layer.bottom()
    sizes = layer.sizes(x)
    groups = 1 if param.across_channels else 2
    matrix = (math.prod(sizes[:groups]), math.prod(sizes[groups:]))
    rows = layer.reshaped(x, matrix)
    mean = ReduceMean(dim=(1,), keep_dim=True)
    y = layer.add(ops.ElementwiseSub(), X=rows, Y=layer.add(mean, X=rows))
    if param.normalize_variance:
        variance = layer.add(mean, X=layer.add(ops.Square(), X=y))
        deviation = layer.add(ops.Sqrt(), X=variance)
        y = layer.add(
            ops.ElementwiseDiv(), X=y, Y=layer.add(ops.Scale(bias=param.eps), X=deviation)
        )
    return layer.reshaped(y, sizes)


@caffe_layer("Normalize")
def normalize(layer: CaffeLayer) -> Value:
    """x / sqrt(sum of squares + eps) * scale; the sum is over channels, or over the image."""
    param, x = layer.proto.norm_param, layer.planes()
    sizes = layer.sizes(x)
    squares = layer.add(ops.Square(), X=x)
    total = ReduceSum(dim=(1,), keep_dim=True)
    if param.across_spatial:
        flat = layer.reshaped(squares, (sizes[0], math.prod(sizes[1:])))
        sums = layer.reshaped(layer.add(total, X=flat), (sizes[0], 1, 1, 1))
    else:
        sums = layer.add(total, X=squares)
    norm = layer.add(ops.Sqrt(), X=layer.add(ops.Scale(bias=param.eps), X=sums))
    y = layer.add(ops.ElementwiseDiv(), X=x, Y=norm)
    count = 1 if param.channel_shared else sizes[1]
    factors = layer.weight(0, (count,)).reshape(1, count, 1, 1)
    return layer.add(ops.ElementwiseMul(), X=y, Y=layer.constant(factors, "scale"))
